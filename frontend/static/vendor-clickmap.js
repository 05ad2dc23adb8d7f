// A stand-in for what a vendor of click maps has a shop put into its pages (the flag frontend_vendor_script). It takes
// stock of the whole page when it has loaded and at every click, on the main thread and before anybody else's listener,
// and nothing else of the page runs until it is done. Its tag says for how many milliseconds each takes at least.
(function () {
  "use strict";
  var tag = document.currentScript;

  function takeStock(leastMs) {
    var until = performance.now() + leastMs;
    var sum = 0;
    while (performance.now() < until) {
      document.querySelectorAll("body *").forEach(function (element) {
        if (performance.now() < until) {
          sum += element.getBoundingClientRect().width + element.outerHTML.length;
        }
      });
    }
    return sum;
  }

  takeStock(Number(tag.dataset.loadMs));
  document.addEventListener(
    "click",
    function () {
      takeStock(Number(tag.dataset.clickMs));
    },
    true,
  );
})();
