/* The environment's page: ages that grow by themselves, the title and icon that carry the state, outputs opened in place. */

import { showIcon } from "./page_icon.js";

const page = document.getElementById("environment");

/* Formatted as on the server: one unit, rounded down. */
function age(seconds) {
  const [unit, number] =
    seconds < 60 ? ["s", seconds]
      : seconds < 3600 ? ["min", seconds / 60]
        : seconds < 172800 ? ["h", seconds / 3600]
          : ["d", seconds / 86400];
  return page.dataset[unit].replace("{n}", Math.floor(number));
}

let ahead = 0;                                        // the server's clock minus the browser's, in ms
let serverNow = "";

function grow() {
  const now = page.querySelector("[data-now]")?.dataset.now ?? "";
  if (now !== serverNow) [serverNow, ahead] = [now, Date.parse(now) - Date.now()];
  for (const place of page.querySelectorAll("time[data-age]")) {
    const text = age(Math.max(0, Math.floor((Date.now() + ahead - Date.parse(place.dateTime)) / 1000)));
    if (place.textContent !== text) place.textContent = text;
  }
  const title = page.querySelector("[data-title]")?.dataset.title;
  if (title && document.title !== title) document.title = title;
  showIcon(page.querySelector("#state .status"));
}

setInterval(grow, 1000);

/* An output is fetched each time it is opened: it may have been read from S3 meanwhile. */
async function open(details) {
  const place = details.querySelector(".text");
  try {
    const answer = await fetch(details.dataset.from, { headers: { "HX-Request": "true" } });
    if (!answer.ok || answer.redirected) throw new Error(answer.status);
    place.innerHTML = await answer.text();            // of our own server, escaped there
  } catch {
    place.textContent = details.dataset.failed;
  }
}

page.addEventListener("toggle", (event) => {
  if (event.target.open && event.target.matches?.("details[data-from]")) open(event.target);
}, true);
