/* The table of stacks and resources: rows change in place, a person's own folding stays. */

import { merge } from "../portal/live.js";
import { show } from "./tabs.js";

const body = document.getElementById("tree");
const empty = document.getElementById("no-tree");
let storeKey = "";
const chosen = new Map();           // what the person opened or closed, by row id

export function start(pk) {
  storeKey = `sanso.folds.${pk}`;
  try {
    for (const [id, open] of JSON.parse(sessionStorage.getItem(storeKey) ?? "[]")) chosen.set(id, open);
  } catch { /* storage is blocked or broken: folding lasts as long as the page */ }
  fold();
  body.addEventListener("click", (event) => {
    const button = event.target.closest(".fold");
    if (button) choose(button.closest("tr"), button.getAttribute("aria-expanded") !== "true");
  });
  for (const button of document.querySelectorAll("[data-fold]")) {
    button.addEventListener("click", () => chooseAll(button.dataset.fold === "open"));
  }
  window.addEventListener("hashchange", revealTarget);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-reveal]");
    if (!link) return;
    event.preventDefault();
    reveal(link.hash.slice(1));
  });
  revealTarget();
}

/* Puts rows in: those that are there change in place, new ones go where the server has them. */
export function update(rows) {
  for (const { id, after, html } of rows) {
    const parsed = document.createElement("template");
    parsed.innerHTML = html;
    const wanted = parsed.content.firstElementChild;
    const row = document.getElementById(id);
    if (!row) {
      wanted.dataset.new = "";
      insert(wanted, after);
    } else if (row.outerHTML !== html) {
      row.className = wanted.className;
      row.dataset.open = wanted.dataset.open ?? "";
      merge(row, wanted);
    }
  }
  empty.hidden = body.rows.length > 0;
  fold();
}

function insert(row, after) {
  const above = after && document.getElementById(after);
  if (above) above.after(row);
  else if (!after) body.prepend(row);
  else lastBelow(row.dataset.parent).after(row);
}

function lastBelow(parent) {
  const below = body.querySelectorAll(`tr[data-parent="${CSS.escape(parent)}"]`);
  return below.length ? below[below.length - 1] : document.getElementById(parent) ?? body.lastElementChild;
}

function isOpen(row) {
  return chosen.get(row.id) ?? row.dataset.open === "yes";
}

/* Hides what lies in closed stacks. The row that has the focus stays, whatever finishes around it. */
function fold() {
  const shut = new Set();
  const needed = new Set(above(document.activeElement?.closest?.("#tree tr")));
  for (const row of body.rows) {
    row.hidden = shut.has(row.dataset.parent);
    const button = row.querySelector(".fold");
    if (!button) continue;
    const open = isOpen(row) || (needed.has(row.id) && chosen.get(row.id) !== false);
    button.setAttribute("aria-expanded", open);
    if (row.hidden || !open) shut.add(row.id);
  }
}

function above(row) {
  const ids = [];
  for (let id = row?.dataset.parent; id; id = document.getElementById(id)?.dataset.parent) ids.push(id);
  return ids;
}

function choose(row, open) {
  chosen.set(row.id, open);
  keep();
}

function chooseAll(open) {
  for (const button of body.querySelectorAll(".fold")) {
    const row = button.closest("tr");
    chosen.set(row.id, open || !row.dataset.parent);
  }
  keep();
}

function keep() {
  try {
    sessionStorage.setItem(storeKey, JSON.stringify([...chosen]));
  } catch { /* storage is blocked */ }
  fold();
}

/* Opens what lies around a row, and goes there. */
export function reveal(id) {
  const row = document.getElementById(id)?.closest("#tree tr");
  if (!row) return;
  show("waterfall");
  for (const stack of above(row)) chosen.set(stack, true);
  keep();
  row.scrollIntoView({ block: "center" });
  const place = row.querySelector("button, [tabindex]") ?? row;
  if (place === row) row.tabIndex = -1;
  place.focus({ preventScroll: true });
}

function revealTarget() {
  if (/^#[ts]-/.test(location.hash)) reveal(location.hash.slice(1));
}
