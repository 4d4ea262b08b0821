// Closes our menus ("For you", and "…" on a card) on Escape, and when a click or the focus leaves them. They open without a script.
(() => {
  "use strict";
  const openMenus = () => document.querySelectorAll("details:is(.personalization-shortcuts, .personalization-menu)[open]");

  const closeOutside = ({ target }) => {
    for (const menu of openMenus()) if (!menu.contains(target)) menu.open = false;
  };

  document.addEventListener("click", closeOutside);
  document.addEventListener("focusin", closeOutside);
  document.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    for (const menu of openMenus()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
})();
