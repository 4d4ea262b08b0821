// The merchants' screens. Without this script every form still works; nothing is hidden then.
(() => {
    "use strict";

    // htmx waits 20 ms before it listens to what came anew; who works with keys is quicker, and would not be heard.
    if (window.htmx) window.htmx.config.defaultSettleDelay = 0;

    const typesInto = (element) => element.matches("input, textarea, select, [contenteditable]");

    // Fields of an action that say nothing about what is chosen are hidden.
    function showFields(line) {
        if (!line.matches("[data-line]")) return;
        const chosen = (name) => line.querySelector(`[name$="-${name}"]`)?.value ?? "";
        for (const [attribute, value] of [["for", chosen("target") || chosen("page")], ["do", chosen("do")]]) {
            for (const part of line.querySelectorAll(`[data-${attribute}]`)) {
                part.hidden = !part.dataset[attribute].split(" ").includes(value);
            }
        }
    }

    // A search by title beside a field for products; what is chosen becomes a line of the field.
    function addSearch(field, address) {
        const area = field.querySelector("textarea");
        if (!area || field.querySelector("[data-search]")) return;
        const search = document.createElement("input");
        const label = field.dataset.searchLabel || "";
        Object.assign(search, { type: "search", placeholder: label, className: "mt-1" });
        search.dataset.search = "true";
        search.setAttribute("aria-label", label);
        const found = document.createElement("div");
        found.id = `${area.id}-found`;
        search.setAttribute("hx-get", address);
        search.setAttribute("hx-trigger", "input delay:250ms");
        search.setAttribute("hx-target", `#${found.id}`);
        search.setAttribute("hx-vals", "js:{q: event.target.value}");
        search.setAttribute("hx-params", "q");
        search.setAttribute("hx-sync", "this:replace");
        search.addEventListener("input", (event) => event.stopPropagation());
        search.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
        area.after(search, found, fileInput(field, area));
        window.htmx?.process(search);
    }

    // A file that a spreadsheet saved is read here, and its lines are added to the field, where they can be looked at.
    function fileInput(field, area) {
        const label = document.createElement("label"), input = document.createElement("input");
        Object.assign(input, { type: "file", accept: ".csv,.txt,text/csv,text/plain" });
        label.className = "personalization-file";
        label.append(field.dataset.fileLabel || "CSV", input);
        input.addEventListener("change", async (event) => {
            event.stopPropagation();
            const bytes = new Uint8Array(await (input.files[0]?.arrayBuffer() ?? new ArrayBuffer(0)));
            let text;
            try { text = new TextDecoder("utf-8", { fatal: true }).decode(bytes); } catch { text = new TextDecoder("windows-1252").decode(bytes); }
            area.value = `${area.value.trimEnd()}${area.value.trim() ? "\n" : ""}${text.trimEnd()}\n`;
            input.value = "";
            area.dispatchEvent(new Event("change", { bubbles: true }));
            area.focus();
        });
        return label;
    }

    function prepareLine(line) {
        showFields(line);
        if (line.matches("[data-sortable]")) makeSortable(line);
        const address = document.querySelector("[data-products-address]")?.dataset.productsAddress;
        if (address) line.querySelectorAll(".personalization-products").forEach((field) => addSearch(field, address));
    }

    // Oscar's pickers (select2) tell jQuery only of what is chosen; the rest of the page listens as the browser does.
    function tellOfPickers() {
        window.jQuery?.(document).on("change", "select", (event) => {
            if (!event.originalEvent) event.target.dispatchEvent(new Event("change", { bubbles: true }));
        });
    }

    // The field in which one types into a picker has no label of its own.
    function nameThePickers() {
        for (const select of document.querySelectorAll("select.select2-hidden-accessible")) {
            const typed = select.nextElementSibling?.querySelector(".select2-search__field");
            typed?.setAttribute("aria-label", select.labels[0]?.textContent.trim() ?? "");
        }
    }

    // After a row or a campaign was moved the page is a new one: the focus goes back to the button that moved it, or to its
    // line, and where it stands now is said without interrupting.
    function returnToLine() {
        const moved = new URLSearchParams(location.search).get("moved");
        const id = moved ? `row-${moved}` : location.hash.startsWith("#campaign-") ? location.hash.slice(1) : "";
        const line = id && document.getElementById(id);
        const message = document.querySelector("#messages .alert, .alert-success");
        if (!line || !(moved || message)) return;
        const step = sessionStorage.getItem("personalization-step");
        sessionStorage.removeItem("personalization-step");
        const button = step && line.querySelector(`[data-step="${CSS.escape(step)}"]:not([disabled])`);
        (button || line).focus();
        const live = document.getElementById("personalization-live");
        const text = (message?.textContent ?? "").replace(/\s+/g, " ").replace("\u00d7", "").trim();
        setTimeout(() => { live.textContent = text; }, 100);
    }

    function addLine(form) {
        const total = form.querySelector('[name$="-TOTAL_FORMS"]'); // of the nearest set of lines
        const template = form.querySelector("[data-empty-line]");
        const holder = document.createElement("div");
        holder.innerHTML = template.innerHTML.replaceAll("__prefix__", total.value);
        const line = holder.firstElementChild;
        form.querySelector("[data-lines]").append(line);
        total.value = String(Number(total.value) + 1);
        const order = line.querySelector('[name$="-ORDER"]');
        if (order) order.value = total.value;
        window.htmx?.process(line);
        prepareLine(line);
        line.querySelector("select, input")?.focus();
    }

    // A line of the list that is dragged is moved by its own form: the number field says where to.
    let dragged = null;

    function isBelow(line, event) {
        const box = line.getBoundingClientRect();
        return event.clientY > box.top + box.height / 2;
    }

    function unmark() {
        for (const name of ["dragged", "target", "target-below"]) {
            document.querySelectorAll(`.personalization-line--${name}`).forEach((line) => line.classList.remove(`personalization-line--${name}`));
        }
    }

    function dropOn(line, below) {
        const form = dragged.querySelector('[name="place"]').form;
        const block = (one) => one.closest("[data-block]").dataset.block;
        const from = Number(dragged.dataset.position), to = Number(line.dataset.position);
        const isFromAbove = block(dragged) === block(line) && from < to; // those below it move up as it leaves
        form.elements.band.value = block(line);
        form.elements.place.value = String(to + (below ? 1 : 0) - (isFromAbove ? 1 : 0));
        form.requestSubmit(form.querySelector("button:not([name])"));
    }

    // A line of a form that is moved takes its place among the others at once; their number fields say so to the server.
    function sortLine(line, other, below) {
        const lines = line.parentElement;
        lines.insertBefore(line, below ? other.nextElementSibling : other);
        const all = [...lines.querySelectorAll(":scope > [data-sortable]")];
        all.forEach((one, index) => { one.querySelector('[name$="-ORDER"]').value = String(index + 1); });
        lines.dispatchEvent(new Event("change", { bubbles: true }));
        const words = lines.dataset.moved.replace("{place}", all.indexOf(line) + 1).replace("{count}", all.length);
        document.getElementById("personalization-live").textContent = words;
    }

    function makeSortable(line) {
        for (const button of line.querySelectorAll("[data-sort]")) {
            const isDown = button.dataset.sort === "1";
            button.hidden = false;
            button.addEventListener("click", () => {
                const other = isDown ? line.nextElementSibling : line.previousElementSibling;
                if (!other) return;
                sortLine(line, other, isDown);
                button.focus();
            });
        }
        makeMovable(line, (other, below) => sortLine(dragged, other, below));
        // A field of a line that can be dragged would not let its text be marked.
        line.addEventListener("pointerdown", (event) => { line.draggable = !event.target.closest("input, textarea, select, label, .select2"); });
    }

    function makeMovable(line, drop = dropOn) {
        line.draggable = true;
        const isSibling = () => dragged && dragged !== line && dragged.matches("[data-sortable]") === line.matches("[data-sortable]");
        line.addEventListener("dragstart", (event) => {
            if (event.target !== line) return;
            dragged = line;
            event.dataTransfer.effectAllowed = "move";
            event.dataTransfer.setData("text/plain", line.id);
            line.classList.add("personalization-line--dragged");
        });
        line.addEventListener("dragover", (event) => {
            if (!isSibling()) return;
            event.preventDefault();
            const below = isBelow(line, event);
            line.classList.toggle("personalization-line--target", !below);
            line.classList.toggle("personalization-line--target-below", below);
        });
        line.addEventListener("dragleave", () => line.classList.remove("personalization-line--target", "personalization-line--target-below"));
        line.addEventListener("drop", (event) => {
            if (!isSibling()) return;
            event.preventDefault();
            drop(line, isBelow(line, event));
        });
        line.addEventListener("dragend", () => { unmark(); dragged = null; });
    }

    document.addEventListener("DOMContentLoaded", () => {
        document.querySelectorAll("[data-movable]").forEach((line) => makeMovable(line));
        tellOfPickers();
        document.querySelectorAll("[data-line]").forEach(prepareLine);
        document.querySelectorAll(".personalization-form").forEach(prepareLine);
        document.querySelectorAll("[data-add-line]").forEach((button) => {
            button.hidden = false;
            button.addEventListener("click", () => addLine(button.closest("[data-formset]") ?? button.form));
        });
        const wrong = document.querySelector(".personalization-field--wrong :is(input, select, textarea)");
        wrong?.focus();
    });

    window.addEventListener("load", () => setTimeout(nameThePickers));
    window.addEventListener("load", () => setTimeout(returnToLine)); // after the browser went to the line itself

    document.addEventListener("change", (event) => {
        const line = event.target.closest?.("[data-line]");
        if (line) showFields(line);
    });

    // A line that came anew, with the inputs of the field that was chosen in it.
    document.addEventListener("htmx:load", (event) => {
        const line = event.detail.elt;
        if (!line.matches?.("[data-fresh]")) return;
        window.oscar?.dashboard?.initSelects?.(line);
        prepareLine(line);
    });

    document.addEventListener("click", (event) => {
        const button = event.target.closest?.("[data-add-product]");
        if (!button) return;
        const area = button.closest(".form-group").querySelector("textarea");
        area.value = `${area.value.trimEnd()}${area.value.trim() ? "\n" : ""}${button.dataset.addProduct}\n`;
        area.dispatchEvent(new Event("change", { bubbles: true }));
        area.focus();
    });

    // A page in a frame shows the row that it is about; the page around it stays where it is.
    document.addEventListener("load", (event) => {
        const frame = event.target;
        if (!frame.matches?.("iframe[data-anchor]")) return;
        const row = frame.contentDocument?.getElementById(frame.dataset.anchor);
        if (row) frame.contentWindow.scrollTo(0, row.getBoundingClientRect().top - 12);
    }, true);

    document.addEventListener("click", (event) => {
        const step = event.target.closest?.("[data-step]");
        if (step) sessionStorage.setItem("personalization-step", step.dataset.step);
    });

    document.addEventListener("keydown", (event) => {
        if ((event.ctrlKey || event.metaKey) && event.key === "s") {
            const form = document.querySelector("form[data-saves]");
            if (form) {
                event.preventDefault();
                form.requestSubmit();
            }
            return;
        }
        if (event.ctrlKey || event.metaKey || event.altKey || typesInto(event.target)) return;
        const aimed = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
        if (aimed) {
            event.preventDefault();
            if (aimed.matches("a, button")) aimed.click();
            else aimed.focus();
        }
    });
})();
