// Closes the visitor's own lines in the menu by Escape, and by a click or the keyboard elsewhere. They open without it.
(() => {
  "use strict";
  const opened = () => document.querySelector(".personalization-shortcuts[open]");

  const closeOutside = (event) => {
    const lines = opened();
    if (lines && !lines.contains(event.target)) {
      lines.open = false;
    }
  };

  document.addEventListener("click", closeOutside);
  document.addEventListener("focusin", closeOutside);
  document.addEventListener("keydown", (event) => {
    const lines = event.key === "Escape" && opened();
    if (lines) {
      lines.open = false;
      lines.querySelector("summary").focus();
    }
  });
})();
