/* Replays a finished deployment, from the moment the page is opened: a clock of its own runs at the chosen speed,
   and frames are fetched as its events come due, in one request at a time. */

import * as clock from "./clock.js";

const TICK_MS = 250;
/* Before CloudFormation starts, nothing on the page moves between two events: longer pauses are shortened to this. */
const PAUSE_S = 2;

export function start(page) {
  const bar = document.getElementById("replay");
  if (!bar) return;
  const moments = JSON.parse(document.getElementById("replay-moments").textContent);
  if (moments.length) new Player(bar, moments, page).play(true);
}

class Player {
  constructor(bar, moments, page) {
    this.page = page;
    this.url = bar.dataset.url;
    this.moments = moments;
    this.first = moments[0][1];
    this.length = (moments.at(-1)[1] - this.first) / 1000;
    this.stacksAt = Number(bar.dataset.stacks) / 1000 - this.first / 1000;
    this.at = 0;
    this.playing = false;
    this.isFetching = false;
    this.button = bar.querySelector("[data-play]");
    this.speed = bar.querySelector("#replay-speed");
    this.slider = bar.querySelector("#replay-at");
    this.position = bar.querySelector("[data-position]");
    this.slider.max = this.length.toFixed(1);
    this.button.addEventListener("click", () => this.play(!this.playing));
    this.slider.addEventListener("input", () => { this.play(false); this.go(Number(this.slider.value)); });
    for (const step of bar.querySelectorAll("[data-step]")) {
      step.addEventListener("click", () => { this.play(false); this.step(Number(step.dataset.step)); });
    }
    bar.querySelector("[data-go]")?.addEventListener("click", (event) => {
      this.play(false);
      this.go(Math.min(this.length, Number(event.target.dataset.go) + 0.0005));
    });
    setInterval(() => this.tick(), TICK_MS);
    this.showPosition();
    for (const control of bar.querySelectorAll("[disabled]")) control.disabled = false;
  }

  play(on) {
    if (on && this.at >= this.length) this.go(0);
    this.playing = on;
    this.button.setAttribute("aria-pressed", on);
    for (const label of this.button.querySelectorAll("[data-when]")) {
      label.hidden = (label.dataset.when === "playing") !== on;
    }
  }

  /* In a hidden tab the replay pauses. */
  tick() {
    if (this.playing && document.visibilityState !== "hidden") {
      this.go(Math.min(this.length, this.afterPause(this.at + Number(this.speed.value) * TICK_MS / 1000)));
      if (this.at >= this.length) this.play(false);
    }
    this.setClock();
    this.fetchFrame();
  }

  /* The time, or a later one when the next event is far and nothing moves until then. */
  afterPause(seconds) {
    if (seconds >= this.stacksAt) return seconds;
    const next = this.moments.find(([, ms]) => (ms - this.first) / 1000 > seconds);
    return next ? Math.max(seconds, (next[1] - this.first) / 1000 - PAUSE_S) : seconds;
  }

  go(seconds) {
    this.at = seconds;
    this.showPosition();
    this.setClock();
  }

  step(by) {
    const seq = this.dueSeq() + by;
    const found = this.moments.find(([number]) => number === seq);
    if (found) this.go((found[1] - this.first) / 1000 + 0.0005);
  }

  setClock() {
    clock.setNow(new Date(this.first + this.at * 1000).toISOString());
  }

  showPosition() {
    const text = `${clock.clock(this.at * 1000)} / ${clock.clock(this.length * 1000)}`;
    this.position.textContent = text;
    this.slider.value = this.at;
    this.slider.setAttribute("aria-valuetext", text);
  }

  /* The number of the last event that has happened by now. */
  dueSeq() {
    const until = this.first + this.at * 1000 + 0.5;
    let [low, high] = [0, this.moments.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.moments[middle][1] <= until) low = middle;
      else high = middle - 1;
    }
    return this.moments[low][0];
  }

  async fetchFrame() {
    const until = this.dueSeq();
    if (this.isFetching || until === this.page.seq) return;
    this.isFetching = true;
    try {
      const answer = await fetch(`${this.url}?since=${this.page.seq}&until=${until}`, {
        headers: { Accept: "application/json" }, signal: AbortSignal.timeout(10_000),
      });
      if (answer.ok) this.page.apply(await answer.json());
      else if (answer.status === 401 || answer.status === 403 || answer.redirected) this.page.loggedOut();
    } catch {
      /* no answer: the next tick tries again */
    } finally {
      this.isFetching = false;
    }
  }
}
