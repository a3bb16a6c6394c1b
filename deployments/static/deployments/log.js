/* The log: new lines at its end, each once; following, searching, problems only. */

const lines = document.getElementById("events");
const box = document.getElementById("log");
const search = document.getElementById("log-search");
const followButton = document.querySelector("[data-follow]");
const problemsButton = document.querySelector("[data-problems]");
const count = document.querySelector("[data-shown]");
const NEAR_PX = 12;
let words = {};
let last = 0;

export function start(texts, seq) {
  words = texts;
  last = seq;
  followButton.addEventListener("click", () => follow(!isFollowing()));
  problemsButton.addEventListener("click", toggleProblems);
  search.addEventListener("input", filter);
  box.addEventListener("scroll", () => follow(isAtEnd(), { scroll: false }));
  toEnd();
}

/* Appends the lines whose numbers are new. */
export function append(rows) {
  const fresh = document.createElement("template");
  fresh.innerHTML = rows.join("");
  for (const line of [...fresh.content.children]) {
    const seq = Number(line.dataset.seq);
    if (seq <= last) line.remove();
    else last = seq;
    line.hidden = !matches(line);
    line.dataset.new = "";
  }
  lines.append(fresh.content);
  tell();
  if (isFollowing()) toEnd();
}

export function toggleProblems() {
  problemsButton.setAttribute("aria-pressed", !onlyProblems());
  filter();
}

export function toggleFollow() {
  follow(!isFollowing());
}

/* The log has come into sight: what could not be scrolled while it was hidden is scrolled now. */
export function shown() {
  if (isFollowing()) toEnd();
}

export function find() {
  search.focus();
}

function onlyProblems() {
  return problemsButton.getAttribute("aria-pressed") === "true";
}

function isFollowing() {
  return followButton.getAttribute("aria-pressed") === "true";
}

function follow(on, { scroll = true } = {}) {
  followButton.setAttribute("aria-pressed", on);
  if (on && scroll) toEnd();
}

function isAtEnd() {
  return box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX;
}

function toEnd() {
  box.scrollTop = box.scrollHeight;
}

function matches(line) {
  const wanted = search.value.trim().toLowerCase();
  if (onlyProblems() && !line.classList.contains("is-problem")) return false;
  return !wanted || line.textContent.toLowerCase().includes(wanted);
}

function filter() {
  for (const line of lines.rows) line.hidden = !matches(line);
  tell();
  if (isFollowing()) toEnd();
}

function tell() {
  const shown = [...lines.rows].filter((line) => !line.hidden).length;
  const filtered = shown < lines.rows.length;
  count.textContent = filtered ? words.shown.replace("{shown}", shown).replace("{all}", last) : last;
  document.getElementById("no-match").hidden = !filtered || shown > 0;
}
