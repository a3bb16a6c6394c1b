/* The filters of the rows: problems, running, a tier, a text. Their buttons show counts: for a stack or group, the
   rows in it count instead of its own row (`is-counted`). */

import * as later from "./later_rows.js";

const root = document.getElementById("waterfall");
const body = document.getElementById("tree");
const bar = root.querySelector(".wf-bar");
const buttons = new Map([...bar.querySelectorAll("[data-filter]")].map((button) => [button.dataset.filter, button]));
const tier = bar.querySelector("[data-tiers]");
const search = bar.querySelector("input[type=search]");
const all = bar.querySelector("[data-unfilter]");
const CLASSES = { problems: "is-problem", running: "is-running", canceled: "is-canceled", "not-run": "is-not-run" };
let changed = () => {};

/* The filters are in the address too: `show` has the pressed buttons, `tier` the tier, `find` the text. */
export function start(act) {
  changed = () => {
    remember();
    act();
  };
  read();
  window.addEventListener("popstate", () => {
    read();
    act();
  });
  for (const [name, button] of buttons) button.addEventListener("click", () => toggle(name));
  tier.addEventListener("change", () => changed());
  search.addEventListener("input", () => changed());
  all.addEventListener("click", clear);
}

function read() {
  const query = new URLSearchParams(location.search);
  const on = (query.get("show") ?? "").split(",");
  for (const [name, button] of buttons) button.setAttribute("aria-pressed", on.includes(name));
  search.value = query.get("find") ?? "";
  const wanted = query.get("tier") ?? "";
  if (wanted && ![...tier.options].some((option) => option.value === wanted)) tier.append(new Option(wanted, wanted));
  tier.value = wanted;
}

function remember() {
  const url = new URL(location.href);
  const values = {
    show: [...buttons].filter(([, button]) => isOn(button)).map(([name]) => name).join(","), tier: tier.value,
    find: search.value.trim(),
  };
  for (const [name, value] of Object.entries(values)) {
    if (value) url.searchParams.set(name, value);
    else url.searchParams.delete(name);
  }
  if (url.href !== location.href) history.replaceState(history.state, "", url);
}

export function toggle(name) {
  const button = buttons.get(name);
  button.setAttribute("aria-pressed", !isOn(button));
  changed();
}

export function find() {
  search.focus();
}

export function clear() {
  for (const button of buttons.values()) button.setAttribute("aria-pressed", "false");
  tier.value = "";
  search.value = "";
  changed();
}

function isOn(button) {
  return button.getAttribute("aria-pressed") === "true";
}

export function isActive() {
  return [...buttons.values()].some(isOn) || tier.value !== "" || search.value.trim() !== "";
}

/* Whether a row matches. A stack matches itself or by its resources. */
export function matches(row) {
  for (const [name, button] of buttons) {
    if (isOn(button) && !row.classList.contains(CLASSES[name])) return false;
  }
  if (tier.value && row.dataset.tier !== tier.value) return false;
  const wanted = search.value.trim().toLowerCase();
  return !wanted || row.cells[0].textContent.toLowerCase().includes(wanted);
}

/* Whether a stack whose rows are not loaded yet may have a matching one. */
export function mayMatch(stack) {
  if (tier.value && stack.dataset.tier !== tier.value) return false;
  return [...buttons].every(([name, button]) => !isOn(button) || later.count(stack, name) > 0);
}

/* Updates the counts and the list of tiers. */
export function count() {
  const missing = later.every();
  const first = missing.flatMap(later.first);      // they are in the table, and counted by their stack as well
  for (const [name, button] of buttons) {
    const here = body.querySelectorAll(`tr.is-counted.${CLASSES[name]}`).length
      - first.filter((row) => row.classList.contains(CLASSES[name])).length;
    const number = missing.reduce((sum, stack) => sum + later.count(stack, name), here);
    button.querySelector("[data-number]").textContent = number;
    if (name !== "problems") button.hidden = !number && !isOn(button);
  }
  const there = [...body.querySelectorAll("tr.level-2.stack[data-tier]")].map((row) => row.dataset.tier);
  const listed = [...tier.options].slice(1).map((option) => option.value);
  if (there.join() !== listed.join()) {
    const chosen = tier.value;
    tier.replaceChildren(tier.options[0], ...there.map((name) => new Option(name, name)));
    tier.value = there.includes(chosen) ? chosen : "";
  }
  all.hidden = !isActive();
  tier.closest(".compact-button").classList.toggle("is-on", tier.value !== "");
}
