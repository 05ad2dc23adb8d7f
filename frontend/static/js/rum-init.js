// Starts the RUM agent with what the page says in #rum-config. A classic script in the head, right after the
// agent, so that the agent is listening before any other script of the page can fail.
(function () {
  "use strict";
  var KEPT = "shop.rum-attributes";
  var element = document.getElementById("rum-config");
  if (!window.SplunkRum || !element) {
    return;
  }
  var config = JSON.parse(element.textContent);

  // Tabs share cookies. When one of them takes another seat, the agent of the others goes over to the new
  // session: from then on they report its seat, not the one that they were loaded with.
  function keep(attributes) {
    try {
      window.localStorage.setItem(KEPT, JSON.stringify(attributes));
    } catch (refused) {
      // Without storage, a tab keeps what it was loaded with.
    }
  }

  function newest() {
    try {
      return JSON.parse(window.localStorage.getItem(KEPT)) || {};
    } catch (refused) {
      return {};
    }
  }

  // Before the agent begins a session, which the others may see at once.
  keep(config.globalAttributes);
  window.SplunkRum.init(config);
  var begun = window.SplunkRum.getSessionId();

  function reportNewest() {
    var absent = {};
    Object.keys(config.globalAttributes).forEach(function (name) {
      absent[name] = null;
    });
    window.SplunkRum.setGlobalAttributes(Object.assign(absent, newest()));
  }

  window.SplunkRum.addEventListener("session-changed", reportNewest);
  // What another tab keeps may arrive after its session: then the session was taken with the old attributes.
  window.addEventListener("storage", function (event) {
    if (event.key === KEPT && window.SplunkRum.getSessionId() !== begun) {
      reportNewest();
    }
  });
})();
