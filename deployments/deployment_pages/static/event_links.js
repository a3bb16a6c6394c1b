/* Links of the events' tab: filters, the search, links to single events, and the keyboard among them. */

import { announce } from "../portal/page.js";
import { show } from "./tabs.js";

const tab = document.getElementById("events-tab");
const lines = document.getElementById("events");
const TYPING_MS = 300;
let words = {};
let begin = async () => {};         // loads the log again, at a place or at its end
let follow = () => {};
let typing = 0;

export function start(texts, log) {
  words = texts;
  ({ begin, follow } = log);
  tab.addEventListener("click", clicked);
  tab.addEventListener("submit", (event) => { event.preventDefault(); search(event.target.elements.q.value); });
  tab.addEventListener("input", (event) => {
    if (event.target.name !== "q" || event.isComposing) return;
    clearTimeout(typing);
    typing = setTimeout(() => search(event.target.value), TYPING_MS);
  });
  lines.addEventListener("keydown", step);
  lines.addEventListener("focusin", (event) => rove(event.target.closest(".permalink")));
  window.addEventListener("popstate", () => { if (filters() !== lines.dataset.filters) begin(""); });
  window.addEventListener("hashchange", goToHash);
  quiet(lines);
  rove();
  goToHash();
}

/* The filters in the address. */
export function filters() {
  const query = new URLSearchParams(location.search);
  const others = ["tab", "row", "show", "tier", "find", "then"];  // deployment_pages/pages/event_filters.py has them too
  for (const name of [...others, "event", "before", "after", "until"]) query.delete(name);
  return query.toString();
}

function clicked(event) {
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const link = event.target.closest("a[data-filter], a.permalink");
  if (!link) return;
  if (link.matches("[data-filter]")) {
    event.preventDefault();
    history.pushState(null, "", link.href);
    const menu = link.closest("details");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
    begin("");
  } else {
    event.preventDefault();
    keepLink(link);
  }
}

/* A permalink is put into the address and onto the clipboard: its event is already visible. */
async function keepLink(link) {
  const url = new URL(location.href);
  for (const [name, value] of new URLSearchParams(link.search)) url.searchParams.set(name, value);
  url.hash = link.hash;
  history.replaceState(null, "", url);
  mark(link.closest("[data-seq]"));
  try {
    await navigator.clipboard.writeText(url.href);
    announce(words.linkCopied);
  } catch {
    announce(words.notAllowed);
  }
}

function search(text) {
  clearTimeout(typing);
  const url = new URL(location.href);
  url.searchParams.set("tab", "events");
  for (const name of ["event", "before", "after", "until"]) url.searchParams.delete(name);
  if (text.trim()) url.searchParams.set("q", text.trim());
  else url.searchParams.delete("q");
  url.hash = "";
  history.replaceState(null, "", url);
  begin("");
}

async function goToHash() {
  const seq = /^#e-(\d+)$/.exec(location.hash)?.[1];
  if (!seq) return;
  show("events", { remember: false });
  follow(false);
  if (!document.getElementById(`e-${seq}`)) await begin(`event=${seq}`);
  const place = document.getElementById(`e-${seq}`);
  if (!place) return;
  const repeats = place.closest("details");
  if (repeats) repeats.open = true;
  mark(place);
  follow(false);
  place.scrollIntoView({ block: "center" });
}

function mark(place) {
  for (const marked of lines.querySelectorAll(".is-chosen")) marked.classList.remove("is-chosen");
  place.classList.add("is-chosen");
}

/* The Tab key stops at one of hundreds of links; arrow keys move to the others. */
export function quiet(place) {
  for (const link of place.querySelectorAll(".permalink")) link.tabIndex = -1;
}

export function rove(link) {
  if (!link && lines.querySelector('.permalink[tabindex="0"]')) return;
  link ??= lines.lastElementChild?.querySelector(".permalink");
  if (!link) return;
  for (const before of lines.querySelectorAll('.permalink[tabindex="0"]')) before.tabIndex = -1;
  link.tabIndex = 0;
}

function step(event) {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!by || !event.target.matches(".permalink")) return;
  event.preventDefault();
  const links = [...lines.querySelectorAll("tr > .at > .permalink, details[open] .permalink")];
  links[links.indexOf(event.target) + by]?.focus();
}
