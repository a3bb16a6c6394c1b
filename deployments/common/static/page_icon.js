/* The icon of a page in tabs: its state as a colored disc with its icon. */

const COLORS = {
  progress: "#4f6bed", done: "#1d8a53", failed: "#c2331c", attention: "#b87400", pending: "#6b7280",
  "rolling-back": "#b87400", "rolled-back": "#b87400",
};
const icon = document.querySelector('link[rel="icon"]');

/* `status` is the badge of the state. */
export function showIcon(status) {
  const symbol = document.querySelector(status?.querySelector("use")?.getAttribute("href") ?? "#none");
  const kind = [...(status?.classList ?? [])].find((name) => name.startsWith("is-"))?.slice(3);
  const disc = `<circle cx="16" cy="16" r="16" fill="${COLORS[kind] ?? COLORS.progress}"/>`;
  const lines = 'fill="none" stroke="#fff" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round"';
  const sign = `<g transform="translate(4 4) scale(1.5)" ${lines}>${symbol?.innerHTML ?? ""}</g>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">${disc}${sign}</svg>`;
  const href = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  if (icon.href !== href) icon.href = href;
}
