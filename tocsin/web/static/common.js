// Local time as a hint on every UTC time; the page itself speaks UTC only, as the pager and the log do.
"use strict";
globalThis.tocsin = {
  hintLocalTimes(root) {
    for (const element of root.querySelectorAll("time[datetime]")) {
      const moment = new Date(element.dateTime);
      if (!Number.isNaN(moment.getTime())) element.title = `${moment.toLocaleString()} your time`;
    }
  },
};
tocsin.hintLocalTimes(document);
