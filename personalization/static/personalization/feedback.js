/* "Not interested" without a reload: what is sent away is gone at once, and an undo button stands in its place.
   Without this script the same buttons send the same form, and the next page says so. */
(() => {
  "use strict";
  async function post(form, button, more = {}) {
    const body = new URLSearchParams(new FormData(form));
    for (const [name, value] of [[button.name, button.value], ...Object.entries(more)]) body.set(name, value);
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(answer.status);
    return answer.json();
  }

  document.addEventListener("submit", async (event) => {
    const { target: form, submitter: button } = event;
    const part = button?.dataset.dismisses && button.closest(button.dataset.dismisses);
    if (!part || event.defaultPrevented || form.dataset.plain) return;
    event.preventDefault();
    const gone = [...part.children].filter((child) => !child.hidden);
    const note = document.createElement("div");
    note.className = "personalization-dismissed";
    note.setAttribute("aria-live", "polite");
    const swap = (hidden) => gone.forEach((child) => (child.hidden = hidden));
    swap(true);
    part.append(note);
    const back = () => {
      note.remove();
      swap(false);
    };
    try {
      const { message, undo } = await post(form, button);
      const text = document.createElement("p");
      const undoButton = document.createElement("button");
      text.textContent = message;
      undoButton.textContent = undo;
      undoButton.type = "button";
      undoButton.onclick = async () => {
        undoButton.disabled = true;
        await post(form, button, { undo: 1 }).then(back, () => (undoButton.disabled = false));
        const menu = button.closest("details");
        if (menu) menu.open = false;
        (menu?.firstElementChild ?? button).focus();
      };
      note.append(text, undoButton);
      undoButton.focus({ preventScroll: true });
    } catch {
      back();
      form.dataset.plain = "yes"; // the plain way tells what is wrong
      form.requestSubmit(button);
    }
  });
})();
