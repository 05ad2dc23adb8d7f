// What every page may use. Without any of this each page still works, by its links and forms.
import * as again from "./again.js";
import * as brush from "./brush.js";
import * as columns from "./columns.js";
import * as copy from "./copy.js";
import * as dialog from "./dialog.js";
import * as filter from "./filter.js";
import * as keys from "./keys.js";
import * as live from "./live.js";
import * as swap from "./swap.js";
import * as tail from "./tail.js";
import * as theme from "./theme.js";
import * as treegrid from "./treegrid.js";

const parts = [theme, again, copy, filter, swap, dialog, treegrid, brush, columns, live, tail, keys];
for (const part of parts) part.start();
