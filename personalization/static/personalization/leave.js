/* A quiet bar at the bottom of the page for visitors who are about to leave; printed only for those who agreed to
   personalisation, where the shop switched it on, and they have not seen it lately.

   <script src="leave.js" defer data-ask="where the page asks what the bar says">

   They came from another page of the shop and looked at this one for 15 seconds. Then they leave it through the top with
   the mouse, or come back to its tab; only then the shop is asked, once, and it may have nothing to say. Nothing is
   kept on the device but the shop's own cookie. */
(() => {
  "use strict";
  const { ask } = document.currentScript?.dataset ?? {};
  if (!ask || !document.referrer.startsWith(`${location.origin}/`)) return;

  const STAYED = 15000, IN_THE_WAY = ".personalization-banner, .personalization-leave, dialog[open], [aria-modal=true]";
  let looked = 0, since = document.hidden ? 0 : performance.now(), asked = false;

  const stayed = () => looked + (since && performance.now() - since);

  function seen() {
    looked = stayed();
    since = document.hidden ? 0 : performance.now();
    if (since) offer();
  }

  async function offer() {
    if (asked || stayed() < STAYED || document.querySelector(IN_THE_WAY)) return;
    asked = true;
    try {
      const answer = await fetch(ask);
      if (answer.status === 200 && !answer.redirected) show(await answer.text());
    } catch {
      // there is no connection
    }
  }

  function show(bar) {
    document.body.insertAdjacentHTML("beforeend", bar);
    const shown = document.body.lastElementChild, form = shown.querySelector("form");

    function close(event) {
      event.preventDefault();
      shown.remove();
      document.removeEventListener("keydown", escape);
      fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), keepalive: true }).catch(() => {});
    }

    function escape(event) {
      if (event.key === "Escape" && !event.defaultPrevented) close(event);
    }

    form.addEventListener("submit", close);
    document.addEventListener("keydown", escape);
  }

  document.addEventListener("visibilitychange", seen);
  document.addEventListener("mouseout", ({ relatedTarget, clientY }) => {
    if (!relatedTarget && clientY <= 0) offer();
  });
})();
