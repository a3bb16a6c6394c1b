/* The deployment's page: applies frames to it, and reports the state of the connection. */

import "../portal/base.js";
import { merge } from "../portal/live.js";
import { onKey } from "../portal/page.js";
import * as axis from "./axis.js";
import * as clock from "./clock.js";
import { showEta } from "./eta.js";
import * as log from "./events.js";
import * as filters from "./filters.js";
import * as inspector from "./inspector.js";
import * as rows from "./rows.js";
import * as notify from "./notify.js";
import * as replay from "./replay.js";
import * as announcements from "./announcements.js";
import { Connection } from "./stream.js";
import { showIcon } from "./page_icon.js";
import * as tabs from "./tabs.js";

const root = document.getElementById("deployment");
const words = JSON.parse(document.getElementById("live-texts").textContent);
const lostBar = document.getElementById("lost");
const freshLine = document.getElementById("fresh");
const FORECAST_MS = 12_000;
let forecastAt = Date.now() + 4_000 * Math.random();
let fetchUpdates = () => {};

const page = {
  seq: Number(root.dataset.seq),
  state: root.dataset.state,
  attention: root.dataset.attention,
  facts: {
    polled: root.dataset.polled, ticked: root.dataset.ticked, created: root.dataset.created,
    isOver: isOver(root.dataset.state), isPolling: false, heardAt: Date.now(),
  },
  lostIsAnnounced: false,

  apply(frame) {
    log.append(frame.events, frame.seq);
    takeRows(frame);
    for (const part of ["header", "phases", "banner", "outputs", "latest"]) put(part, frame[part]);
    this.seq = frame.seq;
    this.state = root.dataset.state = frame.state;
    this.attention = frame.attention;
    root.dataset.seq = frame.seq;
    document.title = frame.title;
    showIcon(document.querySelector("#header .status"));
    notify.checkEnd(frame, !isOver(frame.state));
    if (frame.state === "succeeded" && root.dataset.then) location.assign(root.dataset.then);
    announcements.queue(frame.announcements);
    tick();
  },

  fresh(facts) {
    clock.setNow(facts.now);
    const { polled, ticked, percent, throttled } = facts;
    Object.assign(this.facts, { polled, ticked, percent, throttled, heardAt: Date.now() });
    this.facts.isOver = isOver(facts.state);
    showFreshness();
  },

  polls(isPolling) {
    if (this.facts.isPolling === isPolling) return;
    this.facts.isPolling = isPolling;
    freshLine.title = isPolling ? words.whyPolling : "";
    if (isPolling) {
      this.hideLost();
      announcements.queue([words.whyPolling]);
    }
    showFreshness();
  },

  lost(nextTryAt) {
    if (this.facts.isOver) return;  // no more updates are expected
    const seconds = Math.max(0, Math.ceil((nextTryAt - Date.now()) / 1000));
    const text = seconds ? words.lost.replace("{seconds}", seconds) : words.trying;
    lostBar.querySelector("[data-text]").textContent = text;
    lostBar.hidden = false;
    root.classList.add("is-lost");
    if (!this.lostIsAnnounced) announcements.queue([words.lostAnnouncement]);
    this.lostIsAnnounced = true;
  },

  restored() {
    const wasAnnounced = this.lostIsAnnounced;
    this.hideLost();
    if (wasAnnounced) announcements.queue([words.back]);
  },

  hideLost() {
    lostBar.hidden = true;
    root.classList.remove("is-lost");
    this.lostIsAnnounced = false;
  },

  permissionsChanged() {
    document.getElementById("permissions-changed").hidden = false;
    announcements.queue([document.querySelector("#permissions-changed [data-text]").textContent]);
  },

  ended() {
    root.dataset.streaming = "no";
    this.restored();
    showFreshness();
  },

  loggedOut() {
    root.dataset.streaming = "no";
    this.hideLost();
    root.classList.add("is-lost");
    document.getElementById("permissions-changed").hidden = true;
    document.getElementById("logged-out").hidden = false;
    announcements.queue([document.querySelector("#logged-out [data-text]").textContent]);
  },
};

/* Some frames have a forecast of rows. */
function takeRows({ rows: changed, row_forecast: rowForecast, state }) {
  axis.set({
    isRunning: !isOver(state), axis: rowForecast?.axis, forecast: rowForecast?.band, rollback: rowForecast?.turn,
  });
  rows.update(changed);
  if (rowForecast) {
    rows.expect(rowForecast);
    forecastAt = Date.now();
  }
  inspector.changed(rowForecast ? null : changed.map((row) => row.id));
}

function isOver(state) {
  return ["succeeded", "failed", "rolled_back"].includes(state);
}

function put(part, html) {
  const parsed = document.createElement("template");
  parsed.innerHTML = html;
  merge(document.getElementById(part), parsed.content);
}

function tick() {
  clock.tick();
  showEta(words, clock.isWorkerSilent(page.facts));
}

/* Without events no frame arrives, and the forecast becomes outdated: then it is fetched. */
function refreshForecast() {
  if (root.dataset.streaming !== "yes" || isOver(page.state) || document.visibilityState === "hidden") return;
  if (Date.now() - forecastAt < FORECAST_MS) return;
  forecastAt = Date.now();
  fetchUpdates();
}

function showFreshness() {
  const [text, isWarning] = clock.freshness(page.facts, words);
  if (freshLine.textContent !== text) freshLine.textContent = text;
  freshLine.parentElement.classList.toggle("is-stale", isWarning);
}

clock.setNow(root.dataset.now);
axis.begin();
rows.start(root.dataset.pk);
inspector.start();
log.start(words, page.seq);
notify.start(root.dataset.pk, !isOver(page.state));
showIcon(document.querySelector("#header .status"));
showFreshness();
setInterval(() => { tick(); showFreshness(); refreshForecast(); }, 1_000);
tabs.onTab((name) => { if (name === "events") log.shown(); });
onKey("/", () => (tabs.current() === "waterfall" ? filters.find() : (tabs.show("events"), log.find())));
onKey("p", () => (tabs.current() === "waterfall" ? filters.toggle("problems") : log.toggleProblems()));
onKey("r", () => { tabs.show("waterfall"); filters.toggle("running"); });
onKey("j", () => rows.step(1));
onKey("k", () => rows.step(-1));
onKey("n", () => { tabs.show("waterfall"); inspector.stepProblem(1); });
onKey("N", () => { tabs.show("waterfall"); inspector.stepProblem(-1); });
onKey("l", log.toggleFollow);
onKey("f", () => (
  tabs.current() === "events" ? log.toFirstFailure() : inspector.toFirstFailure()
));

if (root.dataset.streaming === "yes") {
  const { stream, updates, permissions } = root.dataset;
  const connection = new Connection(page, stream, updates, permissions);
  lostBar.querySelector("[data-retry]").addEventListener("click", () => connection.retry());
  connection.start();
  fetchUpdates = () => connection.fetchUpdates();
}
replay.start(page);
