// The tree of a preview by keyboard and pointer, rows of closed stacks on demand, and the typed name.

const body = document.getElementById("changes-body");
const failed = document.getElementById("no-rows");
const searched = document.querySelector(".changes form");
const typed = document.getElementById("typed-name");
let again = () => {};

function rows() {
  return [...body.querySelectorAll("tr[tabindex]")].filter((row) => !row.hidden);
}

function focus(row) {
  if (!row) return;
  for (const other of body.querySelectorAll('tr[tabindex="0"]')) other.tabIndex = -1;
  row.tabIndex = 0;
  row.focus();
}

function below(stack) {
  return [...body.querySelectorAll("tr[data-of]")].filter((row) => row.dataset.of === stack.dataset.stack);
}

function report(retry) {
  again = retry;
  failed.hidden = false;
}

failed?.querySelector("button").addEventListener("click", () => {
  failed.hidden = true;
  again();
});
for (const failure of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  searched?.addEventListener(failure, () => report(() => searched.requestSubmit()));
}
searched?.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (detail.successful) failed.hidden = true;
});

async function load(stack) {
  const address = new URL(body.dataset.rows, location.href);
  address.searchParams.set("stack", stack.dataset.stack);
  for (const name of ["effect", "q"]) {
    const field = document.querySelector(`.changes [name="${name}"]`);
    if (field?.value) address.searchParams.set(name, field.value);
  }
  const answer = await fetch(address).catch(() => null);   // null without a connection
  if (answer?.redirected) return location.reload();   // the session has ended, and this is the login page
  if (!answer?.ok) return report(() => toggle(stack, true));
  failed.hidden = true;
  const page = new DOMParser().parseFromString(`<table><tbody>${await answer.text()}</tbody></table>`, "text/html");
  const found = [...page.querySelectorAll("tr[data-of]")].filter((row) => row.dataset.of === stack.dataset.stack);
  stack.after(...found);
}

async function toggle(stack, open) {
  const before = stack.getAttribute("aria-expanded") === "true";
  if (before === open || stack.dataset.loading) return;
  if (open && below(stack).length === 0) {
    stack.dataset.loading = "yes";
    await load(stack).finally(() => delete stack.dataset.loading);
    if (below(stack).length === 0) return;
  }
  stack.setAttribute("aria-expanded", String(open));
  for (const row of below(stack)) row.hidden = !open;
}

function above(row) {
  if (!row.dataset.of && row.dataset.of !== "") return null;
  return body.querySelector(`tr[data-stack="${CSS.escape(row.dataset.of)}"]`);
}

function move(event, row) {
  const shown = rows();
  const at = shown.indexOf(row);
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: shown.length - 1 }[event.key];
  if (next !== undefined) focus(shown[next]);
  else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
    const open = event.key === "ArrowRight";
    const equal = row.querySelector("details.equal");
    if (row.dataset.stack !== undefined) toggle(row, open);
    else if (equal && equal.open !== open) equal.open = open;
    else if (!open) focus(above(row));
  } else if (event.key === "Enter" && row.dataset.stack !== undefined) {
    toggle(row, row.getAttribute("aria-expanded") !== "true");
  } else return;
  event.preventDefault();
}

body?.addEventListener("keydown", (event) => {
  const row = event.target.closest("tr[tabindex]");
  if (row && event.target === row && !event.altKey && !event.ctrlKey && !event.metaKey) move(event, row);
});
body?.addEventListener("click", (event) => {
  const row = event.target.closest("tr[data-stack]");
  if (!row) return;
  focus(row);
  toggle(row, row.getAttribute("aria-expanded") !== "true");
});
document.addEventListener("keydown", (event) => {
  const search = document.getElementById("search-changes");
  const writing = event.target.closest("input, select, textarea");
  if (event.key !== "/" || writing || !search || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  search.focus();
});
const ready = document.querySelector("#ready-at[data-zone]");

/* Moves the forecast of the end with the scheduled time: to the minute, as on the server. */
function showReady() {
  const minute = 60_000;
  const rounded = [Math.round, Math.floor, Math.ceil];
  const format = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: ready.dataset.zone });
  const offsets = ready.dataset.offsets.split(" ");
  ready.querySelectorAll("time").forEach((place, at) => {
    const moment = rounded[at]((Date.now() + offsets[at] * 1000) / minute) * minute;
    place.textContent = format.format(moment);
  });
}

if (ready) setInterval(showReady, 20_000);
typed?.addEventListener("input", () => {
  const met = typed.value.trim() === typed.dataset.name;
  const output = document.getElementById("typed-state");
  const needed = document.getElementById("need-name");
  output.textContent = met ? output.dataset.yes : output.dataset.no;
  needed?.classList.toggle("is-met", met);
  if (needed) needed.firstElementChild.textContent = met ? "✓" : "○";
});
