"use strict";
/* Filters, sorts and folds the rows that stand in the page. The address after # keeps the
   state, so that a view can be bookmarked or sent: #verdict=fail&model=churn&q=vendor. */
(() => {
  document.documentElement.classList.add("js");

  const VERDICTS = ["fail", "error", "unknown", "waived", "manual", "pass", "not_applicable"];
  const NOT_EVALUATED = ["error", "unknown", "manual"];
  const SEVERITIES = ["critical", "high", "medium", "low", ""];
  const LINEAGE = ["contradicted", "gaps", "unreadable", "complete"];
  const WEIGHTS = ["changed", "unreachable", "first_seen", "unchanged_since_first_seen", "verified"];
  const FIELDS = ["q", "verdict", "model", "lineage", "alias", "severity"];
  const ACTING = ["find", "actor", "action", "of"];

  document.addEventListener("DOMContentLoaded", () => {
    const table = document.querySelector("table.versions");
    const form = document.querySelector("form.tools");
    const acting = document.querySelector("form.acting");
    const shown = document.getElementById("shown");
    const empty = document.querySelector("p.empty");
    const fold = form.querySelector("button.fold");
    const clear = form.querySelector("button[type=reset]");
    const heads = [...table.querySelectorAll("th[data-sort]")];
    const rows = [...table.tBodies].map((body, index) => {
      const data = body.dataset;
      return {
        body, index, data,
        more: body.querySelector("tr.more"),
        text: `${body.textContent} ${data.find}`.toLowerCase().replace(/\s+/g, " "),
        aliases: [...body.querySelectorAll(".alias")].map((alias) => alias.textContent),
        keys: {
          verdict: VERDICTS.indexOf(data.verdict),
          model: index,
          alias: body.querySelectorAll(".alias").length ? 0 : 1,
          severity: SEVERITIES.indexOf(data.severity),
          lineage: LINEAGE.indexOf(data.lineage),
          weights: WEIGHTS.indexOf(data.weights),
          created: Number(data.created),
        },
      };
    });
    const by = { key: "model", down: false };
    const number = new Intl.NumberFormat("en");

    /* --- rows that open ------------------------------------------------------------- */

    const open = (row, wanted) => {
      row.body.classList.toggle("open", wanted);
      row.more.hidden = !wanted;
      row.button.setAttribute("aria-expanded", String(wanted));
    };

    for (const row of rows) {
      const cell = row.body.querySelector(".c-model");
      const button = document.createElement("button");
      button.type = "button";
      button.className = "opener";
      button.setAttribute("aria-controls", row.more.id);
      button.append(...cell.childNodes);
      cell.append(button);
      row.button = button;
      open(row, false);
      row.body.rows[0].addEventListener("click", (event) => {
        if (event.target.closest("a") || String(getSelection())) return;
        open(row, row.more.hidden);
      });
    }

    /* --- what is shown ---------------------------------------------------------------- */

    const values = () => Object.fromEntries(
      FIELDS.map((name) => [name, form.elements[name].value.trim()]),
    );

    const matches = (row, wanted, words) =>
      (!wanted.verdict || wanted.verdict === row.data.verdict ||
        (wanted.verdict === "not_evaluated" && NOT_EVALUATED.includes(row.data.verdict))) &&
      (!wanted.model || wanted.model === row.data.model) &&
      (!wanted.lineage || wanted.lineage === row.data.lineage) &&
      (!wanted.severity || wanted.severity === row.data.severity) &&
      (!wanted.alias || (wanted.alias === "*" ? row.aliases.length > 0
        : row.aliases.includes(wanted.alias))) &&
      words.every((word) => row.text.includes(word));

    const filter = () => {
      const wanted = values();
      const words = wanted.q.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      for (const row of rows) {
        const fits = matches(row, wanted, words);
        row.body.hidden = !fits;
        if (fits) count += 1;
      }
      const active = FIELDS.filter((name) => wanted[name]).length;
      const all = number.format(rows.length);
      const noun = rows.length === 1 ? "version" : "versions";
      shown.textContent = active ? `${number.format(count)} of ${all} ${noun}` : `${all} ${noun}`;
      clear.hidden = active === 0;
      empty.hidden = count > 0 || rows.length === 0;
      const behind = active - (wanted.q ? 1 : 0);
      fold.textContent = behind ? `Filters (${behind})` : "Filters";
    };

    const sort = () => {
      const sign = by.down ? -1 : 1;
      const ordered = [...rows].sort(
        (a, b) => sign * (a.keys[by.key] - b.keys[by.key]) || a.index - b.index,
      );
      table.append(...ordered.map((row) => row.body));
      for (const head of heads) {
        if (head.dataset.sort !== by.key) head.removeAttribute("aria-sort");
        else head.setAttribute("aria-sort", by.down ? "descending" : "ascending");
      }
      form.elements.sort.value = by.key;
    };

    const sortBy = (key, down) => {
      by.key = key;
      by.down = down;
      sort();
      remember();
    };

    for (const head of heads) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      const key = head.dataset.sort;
      button.addEventListener("click", () => sortBy(key, by.key === key && !by.down));
    }

    /* --- actions ------------------------------------------------------------------------ */

    const deeds = [...document.querySelectorAll("table.acts tbody tr")].map((row) => ({
      row, data: row.dataset, text: row.textContent.toLowerCase().replace(/\s+/g, " "),
    }));

    const filterActions = () => {
      if (!acting) return;
      const [find, actor, action, of] = ACTING.map((name) => acting.elements[name].value.trim());
      const words = find.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      for (const deed of deeds) {
        const fits = (!actor || (actor === "-" ? !deed.data.actor : actor === `=${deed.data.actor}`)) &&
          (!action || action === deed.data.action) && (!of || of === deed.data.model) &&
          words.every((word) => deed.text.includes(word));
        deed.row.hidden = !fits;
        if (fits) count += 1;
      }
      for (const figure of document.querySelectorAll(".timelines figure")) {
        figure.hidden = Boolean(of) && of !== figure.dataset.model;
      }
      const active = Boolean(find || actor || action || of);
      const all = `${number.format(deeds.length)} ${deeds.length === 1 ? "action" : "actions"}`;
      acting.querySelector("[role=status]").textContent =
        active ? `${number.format(count)} of ${all}` : all;
      acting.querySelector("button[type=reset]").hidden = !active;
      document.querySelector("#history .empty").hidden = count > 0;
    };

    /* --- the address ------------------------------------------------------------------ */

    const remember = () => {
      const state = new URLSearchParams();
      for (const [name, value] of Object.entries(values())) if (value) state.set(name, value);
      for (const name of acting ? ACTING : []) {
        if (acting.elements[name].value) state.set(name, acting.elements[name].value.trim());
      }
      if (by.key !== "model" || by.down) state.set("sort", by.down ? `-${by.key}` : by.key);
      const hash = state.toString();
      history.replaceState(null, "", hash ? `#${hash}` : location.href.split("#")[0]);
    };

    const recall = () => {
      const hash = location.hash.slice(1);
      if (!hash.includes("=")) {
        const row = rows.find((one) => one.body.id === decode(hash));
        if (!row) return;
        row.body.hidden = false;
        open(row, true);
        row.body.scrollIntoView();
        row.button.focus({ preventScroll: true });
        return;
      }
      const state = new URLSearchParams(hash);
      for (const name of FIELDS) form.elements[name].value = state.get(name) || "";
      const wanted = state.get("sort") || "model";
      const key = wanted.replace(/^-/, "");
      by.key = heads.some((head) => head.dataset.sort === key) ? key : "model";
      by.down = wanted.startsWith("-");
      sort();
      filter();
      for (const name of acting ? ACTING : []) acting.elements[name].value = state.get(name) || "";
      filterActions();
      const acted = acting && ACTING.some((name) => state.has(name));
      document.getElementById(acted ? "history" : "list").scrollIntoView();
    };

    const decode = (text) => {
      try {
        return decodeURIComponent(text);
      } catch {
        return text;
      }
    };

    window.addEventListener("hashchange", recall);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", (event) => {
      if (event.target.name === "sort") return sortBy(event.target.value, event.target.value === "created");
      filter();
      remember();
    });
    form.addEventListener("reset", (event) => {
      event.preventDefault();
      for (const name of FIELDS) form.elements[name].value = "";
      filter();
      remember();
      form.elements.q.focus();
    });
    fold.addEventListener("click", () => {
      const wanted = form.classList.toggle("unfolded");
      fold.setAttribute("aria-expanded", String(wanted));
    });

    if (acting) {
      acting.addEventListener("submit", (event) => event.preventDefault());
      acting.addEventListener("input", () => {
        filterActions();
        remember();
      });
      acting.addEventListener("reset", (event) => {
        event.preventDefault();
        for (const name of ACTING) acting.elements[name].value = "";
        filterActions();
        remember();
        acting.elements.find.focus();
      });
      acting.hidden = false;
      filterActions();
    }
    form.hidden = false;
    filter();
    recall();
  });
})();
