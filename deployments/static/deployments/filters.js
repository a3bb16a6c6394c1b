/* The filters of the rows: problems, running, a tier, a text. The chips show them with counts: of a stack or group,
   what is in it counts instead of its own row (`is-counted`). */

import * as later from "./later_rows.js";

const root = document.getElementById("waterfall");
const body = document.getElementById("tree");
const bar = root.querySelector(".wf-bar");
const chips = new Map([...bar.querySelectorAll("[data-filter]")].map((chip) => [chip.dataset.filter, chip]));
const tier = bar.querySelector("[data-tiers]");
const search = bar.querySelector("input[type=search]");
const all = bar.querySelector("[data-unfilter]");
const CLASSES = { problems: "is-problem", running: "is-running", canceled: "is-canceled", "not-run": "is-not-run" };
let changed = () => {};

/* The filters are in the address too: `show` has the chips, `tier` the tier, `find` the text. */
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
  for (const [name, chip] of chips) chip.addEventListener("click", () => toggle(name));
  tier.addEventListener("change", () => changed());
  search.addEventListener("input", () => changed());
  all.addEventListener("click", clear);
}

function read() {
  const query = new URLSearchParams(location.search);
  const on = (query.get("show") ?? "").split(",");
  for (const [name, chip] of chips) chip.setAttribute("aria-pressed", on.includes(name));
  search.value = query.get("find") ?? "";
  const wanted = query.get("tier") ?? "";
  if (wanted && ![...tier.options].some((option) => option.value === wanted)) tier.append(new Option(wanted, wanted));
  tier.value = wanted;
}

function remember() {
  const url = new URL(location.href);
  const values = {
    show: [...chips].filter(([, chip]) => isOn(chip)).map(([name]) => name).join(","), tier: tier.value,
    find: search.value.trim(),
  };
  for (const [name, value] of Object.entries(values)) {
    if (value) url.searchParams.set(name, value);
    else url.searchParams.delete(name);
  }
  if (url.href !== location.href) history.replaceState(history.state, "", url);
}

export function toggle(name) {
  const chip = chips.get(name);
  chip.setAttribute("aria-pressed", !isOn(chip));
  changed();
}

export function find() {
  search.focus();
}

export function clear() {
  for (const chip of chips.values()) chip.setAttribute("aria-pressed", "false");
  tier.value = "";
  search.value = "";
  changed();
}

function isOn(chip) {
  return chip.getAttribute("aria-pressed") === "true";
}

export function isActive() {
  return [...chips.values()].some(isOn) || tier.value !== "" || search.value.trim() !== "";
}

/* Whether a row matches. A stack matches itself or by its resources. */
export function matches(row) {
  for (const [name, chip] of chips) {
    if (isOn(chip) && !row.classList.contains(CLASSES[name])) return false;
  }
  if (tier.value && row.dataset.tier !== tier.value) return false;
  const wanted = search.value.trim().toLowerCase();
  return !wanted || row.cells[0].textContent.toLowerCase().includes(wanted);
}

/* Whether a stack whose rows are still to come may have one that matches. */
export function mayMatch(stack) {
  if (tier.value && stack.dataset.tier !== tier.value) return false;
  return [...chips].every(([name, chip]) => !isOn(chip) || later.count(stack, name) > 0);
}

/* Updates the counts and the list of tiers. */
export function count() {
  const missing = later.every();
  for (const [name, chip] of chips) {
    const here = body.querySelectorAll(`tr.is-counted.${CLASSES[name]}`).length;
    const number = missing.reduce((sum, stack) => sum + later.count(stack, name), here);
    chip.querySelector("[data-number]").textContent = number;
    if (name !== "problems") chip.hidden = !number && !isOn(chip);
  }
  const there = [...body.querySelectorAll("tr.level-2.stack[data-tier]")].map((row) => row.dataset.tier);
  const listed = [...tier.options].slice(1).map((option) => option.value);
  if (there.join() !== listed.join()) {
    const chosen = tier.value;
    tier.replaceChildren(tier.options[0], ...there.map((name) => new Option(name, name)));
    tier.value = there.includes(chosen) ? chosen : "";
  }
  all.hidden = !isActive();
  tier.closest(".chip").classList.toggle("is-on", tier.value !== "");
}
