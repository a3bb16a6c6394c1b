/* Announcements for screen readers: at most six a minute, all that are waiting in one. */

import { announce } from "../portal/page.js";

const GAP_MS = 10_000;
const LONGEST = 3;                  // of many waiting sentences, the last ones matter
let waiting = [];
let announcedAt = -Infinity;
let timer = 0;

export function queue(sentences) {
  waiting.push(...sentences);
  if (waiting.length && !timer) timer = setTimeout(announceWaiting, Math.max(0, announcedAt + GAP_MS - Date.now()));
}

function announceWaiting() {
  timer = 0;
  announcedAt = Date.now();
  announce(waiting.slice(-LONGEST).join(" "));
  waiting = [];
}
