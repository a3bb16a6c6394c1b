/* The scripts of all pages. */

import "./zone.js";
import "./page.js";
import "./live.js";
import "./jump.js";
