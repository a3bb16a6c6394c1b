/* The time that is left, updated every second between two forecasts. */

import * as clock from "./clock.js";

const MINUTE = 60;
const HOUR = 3600;

export function showEta(words, isPaused) {
  const place = document.querySelector("#header [data-eta]");
  if (!place) return;
  if (isPaused) {                   // without a worker nothing is known, so nothing is called slow
    if (place.textContent !== words.noForecast) place.textContent = words.noForecast;
    return;
  }
  const [middle, low, high] = JSON.parse(place.dataset.eta).map((at) => Math.max(0, (at - clock.now()) / 1000));
  const text = left(words, middle, low, high);
  if (place.textContent !== text) place.textContent = text;
}

function left(words, middle, low, high) {
  if (high <= 0) return words.overdue;
  const [unit, name] = high < 2 * MINUTE ? [1, "seconds"] : high < 3 * HOUR ? [MINUTE, "minutes"] : [HOUR, "hours"];
  return words.left
    .replace("{middle}", words[name].replace("{n}", Math.max(1, Math.round(middle / unit))))
    .replace("{low}", Math.floor(low / unit))
    .replace("{high}", Math.ceil(high / unit));
}
