// Closes the shortcuts in the menu on Escape, and when a click or the focus leaves them. They open without a script.
(() => {
  "use strict";
  const openPanel = () => document.querySelector(".personalization-shortcuts[open]");

  const closeOutside = (event) => {
    const panel = openPanel();
    if (panel && !panel.contains(event.target)) {
      panel.open = false;
    }
  };

  document.addEventListener("click", closeOutside);
  document.addEventListener("focusin", closeOutside);
  document.addEventListener("keydown", (event) => {
    const panel = event.key === "Escape" && openPanel();
    if (panel) {
      panel.open = false;
      panel.querySelector("summary").focus();
    }
  });
})();
