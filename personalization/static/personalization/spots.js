/* Places the products of a post by a click on its picture: the numbers of the line with the cursor are filled in, or of
   the first line that has none. Without this script they are typed. */
(() => {
  "use strict";
  const area = document.querySelector("textarea[data-spots]");
  if (!area) return;
  const percent = (at, from, size) => Math.min(100, Math.max(0, Math.round((100 * (at - from)) / size)));

  function lineAt(lines) {
    const open = lines.findIndex((line) => line.trim() && !/;\s*\d+\s*%?\s*;\s*\d+/.test(line));
    if (open >= 0) return open;
    return area.value.slice(0, area.selectionStart).split("\n").length - 1;
  }

  document.addEventListener("click", (event) => {
    const picture = event.target.closest?.("#look .personalization-post__picture");
    if (!picture) return;
    event.preventDefault();
    const { left, top, width, height } = picture.getBoundingClientRect();
    const lines = area.value.split("\n"), number = lineAt(lines);
    if (!lines[number]?.trim()) return;
    const [place, ...title] = lines[number].split("\u00b7");
    const named = title.length ? ` \u00b7${title.join("\u00b7")}` : "";
    const x = percent(event.clientX, left, width), y = percent(event.clientY, top, height);
    lines[number] = `${place.split(";")[0].trim()}; ${x}; ${y}${named}`;
    area.value = lines.join("\n");
    area.dispatchEvent(new Event("change", { bubbles: true }));
  });
})();
