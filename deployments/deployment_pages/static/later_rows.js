/* Rows that a large page did not begin with: those of a stack are fetched when it is expanded, searched, or when a
   link leads to one of them. Its `data-inside` has how many there are, for the filters. Some stacks began with their
   first rows (data-later="some"). */

const body = document.getElementById("tree");
const page = document.getElementById("deployment");
const failed = document.getElementById("no-later");
const { stackRows: address } = document.getElementById("waterfall").dataset;
const AT_ONCE = 40;
const COUNTS = ["number", "problems", "running", "canceled", "not-run"];
const fetched = new Map();          // requests in progress, by the id of the stack's row
const changed = new Map();          // rows of frames that arrived meanwhile, by id
let put = () => {};

/* `act` inserts fetched rows into the table, and then the rows of frames that arrived meanwhile. */
export function start(act) {
  put = act;
  failed.querySelector("button").addEventListener("click", () => {
    failed.hidden = true;
    put([], []);
  });
}

export function isLater(row) {
  return row?.dataset.later !== undefined;
}

export function every() {
  return [...body.querySelectorAll("tr[data-later]")];
}

/* The number of rows of a stack that match a filter. */
export function count(stack, name) {
  return Number(stack.dataset.inside.split(" ")[COUNTS.indexOf(name)]);
}

/* The first rows of a stack that are in the table already. */
export function first(stack) {
  if (stack.dataset.later !== "some") return [];
  return [...body.querySelectorAll(`tr.is-counted:not(.stack)[data-parent="${CSS.escape(stack.id)}"]`)];
}

/* The stack of a row, null if its rows are loaded. */
export function around(id) {
  for (let end = id.lastIndexOf("."); end > 0; end = id.lastIndexOf(".", end - 1)) {
    const row = document.getElementById(id.slice(0, end));
    if (row) return isLater(row) ? row : null;
  }
  return null;
}

/* Keeps a row of a frame for a stack whose rows are being fetched: the frame may be newer than they are. */
export function keep(stack, row) {
  if (fetched.has(stack.id)) changed.set(row.id, row);
}

/* Fetches the rows of stacks, once; resolves when all of them are in the table, or could not be fetched. */
export function load(stacks) {
  const wanted = stacks.filter((row) => !fetched.has(row.id));
  for (let at = 0; at < wanted.length; at += AT_ONCE) {
    const some = wanted.slice(at, at + AT_ONCE);
    const arrival = fetchRows(some);
    for (const row of some) fetched.set(row.id, arrival);
  }
  return Promise.all(stacks.map((row) => fetched.get(row.id)));
}

async function fetchRows(stacks) {
  for (const row of stacks) row.setAttribute("aria-busy", "true");
  const query = new URLSearchParams(stacks.map((row) => ["stack", pathOf(row)]));
  if (document.getElementById("replay")) query.append("until", page.dataset.seq);
  let rows = null;
  try {
    const answer = await fetch(`${address}?${query}`, {
      headers: { Accept: "text/html" }, signal: AbortSignal.timeout(15_000),
    });
    if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
    const parsed = document.createElement("template");
    parsed.innerHTML = await answer.text();
    rows = [...parsed.content.children];
  } catch { /* no answer: the next change of the table tries again, and so does the button */ }
  for (const row of stacks) {
    row.removeAttribute("aria-busy");
    fetched.delete(row.id);
    if (rows) delete row.dataset.later;
  }
  failed.hidden = rows !== null;
  if (!rows) return;
  const since = [...changed.values()].filter((row) => !around(row.id));
  for (const row of since) changed.delete(row.id);
  put(rows, since);
  body.dispatchEvent(new CustomEvent("sanso:rows"));
}

export function pathOf(row) {
  return new URLSearchParams(row.querySelector(".pick").getAttribute("href")).get("row").replace(/^\/$/, "");
}
