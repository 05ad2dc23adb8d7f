// Starts the RUM agent with what the page says in #rum-config. A classic script in the head, right after the
// agent, so that the agent is listening before any other script of the page can fail.
(function () {
  "use strict";
  var config = document.getElementById("rum-config");
  if (!window.SplunkRum || !config) {
    return;
  }
  window.SplunkRum.init(JSON.parse(config.textContent));
})();
