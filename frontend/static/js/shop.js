// What pages do beyond plain HTML: one click places one order without leaving the page, selects submit
// themselves, workflows are timed for RUM. Everything works without this script too.
(function () {
  "use strict";
  document.documentElement.classList.add("scripted");

  // A custom RUM event around a step of the shopper; `end(failed)` closes it. Without the agent it does nothing.
  function workflow(name) {
    var rum = window.SplunkRum;
    if (!rum || !rum.provider) {
      return { end: function () {} };
    }
    var span = rum.provider.getTracer("appModuleLoader").startSpan(name, { attributes: { "workflow.name": name } });
    return {
      end: function (failed) {
        if (failed) {
          span.setAttribute("error", true);
        }
        span.end();
      },
    };
  }

  function showCount(main) {
    var badge = document.getElementById("cart-count");
    var count = main.dataset.cartCount;
    if (badge && count !== "") {
      badge.querySelector(".number").textContent = count;
      badge.hidden = count === "0";
    }
  }

  // Puts the answer's <main> in place of the page's. No script of the answer runs: a parsed document's scripts
  // are inert, and they are taken out besides.
  function swapMain(html) {
    var answer = new DOMParser().parseFromString(html, "text/html");
    var main = answer.querySelector("main");
    if (!main) {
      return false;
    }
    main.querySelectorAll("script").forEach(function (script) {
      script.remove();
    });
    document.querySelector("main").replaceWith(document.importNode(main, true));
    document.title = answer.title;
    var shown = document.querySelector("main");
    showCount(shown);
    enhance(shown);
    var heading = shown.querySelector("h1");
    if (heading) {
      heading.tabIndex = -1;
      heading.focus();
    }
    window.scrollTo(0, 0);
    return true;
  }

  function busy(button, on) {
    if (on) {
      button.dataset.label = button.textContent;
      button.textContent = "Placing your order…";
      button.setAttribute("aria-disabled", "true");
    } else {
      button.textContent = button.dataset.label;
      button.removeAttribute("aria-disabled");
    }
  }

  function trouble(form, text) {
    var note = form.querySelector("#checkout-trouble");
    note.textContent = text;
    note.hidden = !text;
  }

  function placeOrder(event) {
    var form = event.currentTarget;
    event.preventDefault();
    if (form.dataset.sent) {
      return;
    }
    form.dataset.sent = "true";
    var button = form.querySelector("#place-order");
    busy(button, true);
    trouble(form, "");
    var order = workflow("PlaceOrder");
    var failed = true;
    fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), headers: { Accept: "text/html" } })
      .then(function (response) {
        failed = !response.ok;
        return response.text();
      })
      .then(function (html) {
        if (!swapMain(html)) {
          throw new TypeError("the answer holds no page");
        }
        if (document.getElementById("order-total")) {
          // The form came back to be corrected. In a task of its own, so that its error is the page's, not the order's.
          setTimeout(window.renderFinalPrice);
        }
      })
      .catch(function () {
        delete form.dataset.sent;
        busy(button, false);
        trouble(form, "The shop did not answer, so it is not known whether the order went through. Reload the cart to see: if it is empty, it did.");
      })
      .finally(function () {
        order.end(failed);
      });
  }

  function enhance(root) {
    root.querySelectorAll("[data-autosubmit]").forEach(function (select) {
      select.addEventListener("change", function () {
        select.form.requestSubmit();
      });
    });
    var checkout = root.querySelector("#checkout");
    if (checkout) {
      checkout.addEventListener("submit", placeOrder);
    }
    var buy = root.querySelector("#add-to-cart");
    if (buy) {
      var look = workflow("ProductDetails");
      buy.addEventListener("submit", function () {
        look.end(false);
        workflow("AddToCart").end(false);
      });
    }
  }

  enhance(document);

  // A page brought back by Back or Forward must not keep a button that was pressed.
  window.addEventListener("pageshow", function (event) {
    var form = document.getElementById("checkout");
    if (event.persisted && form && form.dataset.sent) {
      delete form.dataset.sent;
      busy(form.querySelector("#place-order"), false);
    }
  });

  // An open seat panel closes on Escape and on a click elsewhere.
  var seat = document.querySelector("details.seat");
  if (seat) {
    document.addEventListener("keydown", function (event) {
      if (event.key === "Escape" && seat.open) {
        seat.open = false;
        seat.querySelector("summary").focus();
      }
    });
    document.addEventListener("click", function (event) {
      if (seat.open && !seat.contains(event.target)) {
        seat.open = false;
      }
    });
  }
})();
