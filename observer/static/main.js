// What every page may use. Without any of this each page still works, by its links and forms.
import * as again from "./again.js";
import * as brush from "./brush.js";
import * as copy from "./copy.js";
import * as dialog from "./dialog.js";
import * as filter from "./filter.js";
import * as keys from "./keys.js";
import * as live from "./live.js";
import * as swap from "./swap.js";
import * as theme from "./theme.js";
import * as treegrid from "./treegrid.js";

for (const part of [theme, again, copy, filter, swap, dialog, treegrid, brush, live, keys]) part.start();
