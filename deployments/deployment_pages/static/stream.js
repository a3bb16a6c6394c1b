/* The connection of an open page: an event stream that is reopened when it breaks, and polling while it cannot be
   opened. It knows the number of the last applied event, so no event is lost or applied twice. */

const LOST_MS = 5_000;              // without a stream for longer, the page reports it and polls
const SILENT_MS = 15_000;           // the server sends something every 5 s: a stream that is silent longer is broken
const POLL_MS = 5_000;
const HIDDEN_POLL_MS = 30_000;      // a tab in the background only updates its title
const BACK_OFF_MS = [500, 2_000, 4_000, 8_000, 10_000];
const REFUSED_MS = 30_000;          // after a 429 (too many streams are open) the page polls this long, then tries again

export class Connection {
  /* `page` has: seq, state, attention (the state of the page), apply(frame), fresh(facts), polls(yes or no),
     lost(nextTryAt), restored(), ended(), permissionsChanged(), loggedOut(). `permissions` are the ids that the
     page was rendered with. */
  constructor(page, streamUrl, updatesUrl, permissions) {
    this.page = page;
    this.streamUrl = streamUrl;
    this.updatesUrl = updatesUrl;
    this.permissions = permissions;
    this.source = null;
    this.isOpen = false;
    this.isRefused = false;
    this.over = false;
    this.failures = 0;
    this.brokenAt = Date.now();
    this.isFetching = false;
    document.addEventListener("visibilitychange", () => this.#visibility());
    window.addEventListener("pagehide", () => this.#close());
    window.addEventListener("pageshow", (event) => { if (event.persisted) this.#visibility(); });
    setInterval(() => this.#watch(), 1_000);
  }

  start() {
    this.#visibility();
  }

  retry() {
    this.failures = 0;
    this.#connect();
  }

  /* The server answers but refuses a stream, since too many are open: the page polls. */
  get isPolling() {
    return this.isRefused && !this.isOpen && !this.over;
  }

  get isLost() {
    return !this.isOpen && !this.isRefused && Date.now() - this.brokenAt >= LOST_MS;
  }

  #visibility() {
    if (document.visibilityState === "hidden") {
      this.#close();
      this.polledAt = Date.now();
    } else {
      this.brokenAt = Date.now();
      this.#connect();
    }
  }

  #connect() {
    this.#close();
    if (this.over || document.visibilityState === "hidden") return;
    const source = new EventSource(`${this.streamUrl}?${this.#query()}`);
    this.source = source;
    this.heardAt = Date.now();
    const on = (name, act) => source.addEventListener(name, (event) => {
      if (source !== this.source) return;
      this.heardAt = Date.now();
      act(event);
    });
    on("open", () => this.#opened());
    on("message", (event) => this.take(JSON.parse(event.data)));
    on("fresh", (event) => this.#fresh(JSON.parse(event.data)));
    on("end", (event) => {
      this.#close();
      this.#fresh(JSON.parse(event.data));
    });
    on("access", (event) => this.#accessEnded(JSON.parse(event.data)));
    on("error", () => this.#broken());
  }

  #query() {
    return new URLSearchParams({ since: this.page.seq, permissions: this.permissions });
  }

  #opened() {
    this.isOpen = true;
    this.isRefused = false;
    this.failures = 0;
    this.page.polls(false);
    this.page.restored();
  }

  /* The browser's own retry is not used: its time is unknown, and there is none after an HTTP error, which is how an
     HTTP error differs from a broken connection here. */
  #broken() {
    const wasOpen = this.isOpen;
    this.isRefused = !wasOpen && this.source?.readyState === EventSource.CLOSED;
    this.#close();
    if (wasOpen) this.brokenAt = Date.now();
    this.#connectLater();
    if (!wasOpen) this.fetchUpdates();
  }

  #connectLater() {
    clearTimeout(this.timer);
    const backOff = BACK_OFF_MS[Math.min(this.failures, BACK_OFF_MS.length - 1)];
    const wait = (this.isRefused ? REFUSED_MS : backOff) * (0.75 + Math.random() / 2);
    this.failures += 1;
    this.nextTryAt = Date.now() + wait;
    this.timer = setTimeout(() => this.#connect(), wait);
  }

  /* The session of this stream has ended or lost a permission. The browser may have a new session already. */
  async #accessEnded({ code }) {
    this.#close();
    this.brokenAt = Date.now();
    if (code === "permissions_changed") this.#permissionsChanged();
    await this.fetchUpdates();
    this.#connect();
  }

  /* The page reports it once: from now on it is updated with the remaining permissions. */
  #permissionsChanged() {
    this.permissions = "";
    this.page.permissionsChanged();
  }

  #close() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
    this.isOpen = false;
  }

  #watch() {
    if (this.over) return;
    if (document.visibilityState === "hidden") {
      if (Date.now() - (this.polledAt ?? 0) >= HIDDEN_POLL_MS) this.fetchUpdates();
      return;
    }
    if (this.source && Date.now() - this.heardAt > SILENT_MS) this.#broken();
    this.page.polls(this.isPolling);
    if (!this.isPolling && !this.isLost) return;
    if (this.isLost) this.page.lost(this.nextTryAt);
    if (Date.now() - (this.polledAt ?? 0) >= POLL_MS) this.fetchUpdates();
  }

  /* Polling fails as well: the connection is lost. */
  #unanswered() {
    if (!this.isRefused) return;
    this.isRefused = false;
    this.failures = 0;
    if (!this.source && document.visibilityState === "visible") this.#connectLater();
  }

  /* A frame leads from one number to another. One that begins later would leave a gap: fetch the missing ones. */
  take(frame) {
    const { seq } = this.page;
    if (frame.from > seq) return this.fetchUpdates();
    if (frame.seq > seq || frame.from === seq) this.page.apply(frame);
  }

  #fresh(facts) {
    this.page.fresh(facts);
    const { seq, state, attention } = this.page;
    const differs = facts.state !== state || facts.attention !== attention;
    if (facts.seq === seq && differs) return this.fetchUpdates();
    if (!facts.settled) return;
    if (facts.seq > seq) return this.fetchUpdates();
    this.over = true;
    this.#close();
    this.page.ended();
  }

  /* Fetches the missing events. This is also how the page learns that its session has ended. */
  async fetchUpdates() {
    if (this.isFetching || this.over) return;
    this.isFetching = true;
    this.polledAt = Date.now();
    try {
      const answer = await fetch(`${this.updatesUrl}?${this.#query()}`, {
        headers: { Accept: "application/json" }, cache: "no-store", signal: AbortSignal.timeout(8_000),
      });
      if (answer.status === 401 || answer.status === 403) {
        this.over = true;
        this.#close();
        this.page.loggedOut();
      } else if (answer.ok) {
        const { frame, fresh, access } = await answer.json();
        if (access) this.#permissionsChanged();
        const before = this.page.seq;
        this.isFetching = false;
        this.take(frame);
        if (this.page.seq > before || fresh.seq === before) this.#fresh(fresh);
        if (this.page.seq > before && this.page.seq < fresh.seq) await this.fetchUpdates();
      } else {
        this.#unanswered();
      }
    } catch {
      this.#unanswered();
    } finally {
      this.isFetching = false;
    }
  }
}
