/* The scripts of the preview of a change. */

import "../portal/base.js";
import "./preview.js";
