/* Times are shown in the browser's time zone: its name goes to the server as a cookie. The first page of a browser
   came in the server's zone and is loaded again, unless it is a form that was rejected. */

const NAME = "sanso_zone";
const YEAR_S = 365 * 86_400;

// Temporal knows the zone at once. The first format of a page takes 15 ms and more, before the page is interactive.
const zone = globalThis.Temporal?.Now.timeZoneId() ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
const cookie = `${NAME}=${zone}`;
const isKnown = document.cookie.split("; ").includes(cookie);

if (zone && !isKnown) {
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${cookie}; path=/; max-age=${YEAR_S}; samesite=lax${secure}`;
  const isKept = document.cookie.split("; ").includes(cookie);
  const [visit] = performance.getEntriesByType("navigation");
  if (isKept && zone !== document.documentElement.dataset.zone && visit?.responseStatus === 200) location.reload();
}
