// What every page may use. Without any of this each page still works, by its links and forms.
import * as brush from "./brush.js";
import * as columns from "./columns.js";
import * as copy from "./copy.js";
import * as dialog from "./dialog.js";
import * as filter from "./filter.js";
import * as folding from "./folding.js";
import * as keys from "./keys.js";
import * as legend from "./legend.js";
import * as swap from "./swap.js";
import * as tail from "./tail.js";
import * as theme from "./theme.js";
import * as treegrid from "./treegrid.js";
import * as updates from "./updates.js";

const parts = [theme, copy, filter, swap, dialog, folding, treegrid, brush, columns, legend, updates, tail, keys];
for (const part of parts) part.start();
// By itself htmx would begin a moment later, and a key pressed at once would follow the link as a page.
window.htmx?.initialize();
// What the reader unfolded before htmx listened is noted now; each fold is noted once.
for (const fold of document.querySelectorAll("details[open][hx-trigger^='toggle']")) fold.dispatchEvent(new Event("toggle"));
