"use strict";
/* Walks the lineage map: a chosen node tells what is known of it, and what leads to it and
   what comes of it stands out. All of that is in the page's list; here it is only found. */
(() => {
  const map = document.querySelector(".map");
  if (!map) return;
  document.documentElement.classList.add("js");
  const told = map.querySelector(".chosen");
  const list = map.querySelector(".nodes");
  const drawings = [...map.querySelectorAll(".drawing")];
  const places = drawings.map((drawing) => [...drawing.querySelectorAll(".node")]);
  const before = new Map();
  const after = new Map();
  const numbers = (text) => text.split(" ").filter(Boolean).map(Number);
  const number = (node) => Number(node.dataset.node);
  const anchor = (node) => node.getAttribute("href").slice(1);
  const byAnchor = new Map(places[0].map((node) => [anchor(node), node]));
  const byNumber = new Map(places[0].map((node) => [number(node), node]));
  let chosen = null;
  let came = null;

  for (const node of places[0]) {
    before.set(number(node), new Set());
    after.set(number(node), new Set());
  }
  for (const edge of drawings[0].querySelectorAll(".edge")) {
    for (const from of numbers(edge.dataset.from)) {
      for (const to of numbers(edge.dataset.to)) {
        after.get(from).add(to);
        before.get(to).add(from);
      }
    }
  }

  const reached = (start, next) => {
    const found = new Set();
    const left = [...next.get(start)];
    while (left.length) {
      const one = left.pop();
      if (found.has(one)) continue;
      found.add(one);
      left.push(...next.get(one));
    }
    found.delete(start);
    return found;
  };

  /* --- what stands out ---------------------------------------------------------------- */

  const mark = (start) => {
    const up = start === null ? new Set() : reached(start, before);
    const down = start === null ? new Set() : reached(start, after);
    const within = (side, one) => one === start || side.has(one);
    for (const drawing of drawings) drawing.classList.toggle("walked", start !== null);
    for (const node of places.flat()) {
      const one = number(node);
      node.classList.toggle("here", one === start);
      node.classList.toggle("up", up.has(one));
      node.classList.toggle("down", down.has(one));
    }
    for (const edge of map.querySelectorAll(".edge")) {
      const from = numbers(edge.dataset.from);
      const to = numbers(edge.dataset.to);
      const on = (side) => from.some((one) => within(side, one)) && to.some((one) => within(side, one));
      edge.classList.toggle("on", start !== null && (on(up) || on(down)));
    }
    return { up, down };
  };

  /* --- the chosen node ------------------------------------------------------------------ */

  const element = (tag, words, look) => {
    const made = document.createElement(tag);
    made.textContent = words;
    if (look) made.className = look;
    return made;
  };

  const linked = (found) => {
    const line = document.createDocumentFragment();
    [...found].sort((a, b) => a - b).forEach((one, index) => {
      const node = byNumber.get(one);
      const link = element("a", node.getAttribute("aria-label"));
      link.href = node.getAttribute("href");
      line.append(index ? ", " : "", link);
    });
    return line;
  };

  const paragraph = (label, found) => {
    const line = element("p", `${label} (${found.size}): `, "reach");
    line.append(found.size ? linked(found) : "none");
    return line;
  };

  const shown = () => places.find((nodes) => nodes[0] && nodes[0].getClientRects().length) || places[0];

  const drawn = (one) => shown().find((node) => number(node) === one);

  const tabbed = (one) => {
    for (const nodes of places) {
      for (const node of nodes) node.setAttribute("tabindex", number(node) === one ? "0" : "-1");
    }
  };

  /* Scrolls so that a node stands above what is told of it. */
  const uncover = (node) => {
    const box = node.getBoundingClientRect();
    const room = innerHeight - told.offsetHeight;
    if (box.top < 0 || box.bottom > room) scrollBy(0, (box.top + box.bottom - room) / 2);
  };

  const choose = (id) => {
    const place = document.getElementById(id);
    if (!place || !list.contains(place)) return false;
    const stack = place.parentElement.closest(".node-told");
    const node = byAnchor.get(id) || (stack && byAnchor.get(stack.id));
    if (!node) return false;
    chosen = number(node);
    const { up, down } = mark(chosen);
    tabbed(chosen);
    for (const nodes of places) {
      for (const one of nodes) {
        if (number(one) === chosen) one.setAttribute("aria-current", "true");
        else one.removeAttribute("aria-current");
      }
    }
    const title = element("h3", place.closest("details").querySelector("summary").textContent);
    title.tabIndex = -1;
    const close = element("button", "Close");
    close.type = "button";
    close.addEventListener("click", leave);
    const copy = place.cloneNode(true);
    for (const one of [copy, ...copy.querySelectorAll("[id]")]) one.removeAttribute("id");
    copy.removeAttribute("tabindex");
    told.replaceChildren(title, close, paragraph("Upstream", up), paragraph("Downstream", down), copy);
    told.hidden = false;
    told.scrollTop = 0;
    history.replaceState(null, "", `#${id}`);
    title.focus({ preventScroll: true });
    uncover(drawn(chosen));
    return true;
  };

  const leave = () => {
    if (chosen === null) return mark(null);
    const node = drawn(chosen);
    chosen = null;
    told.hidden = true;
    for (const one of places.flat()) one.removeAttribute("aria-current");
    history.replaceState(null, "", location.href.split("#")[0]);
    if (came && came.isConnected && came.getClientRects().length) came.focus();
    else if (node) node.focus();
    return mark(null);
  };

  /* --- by keys ---------------------------------------------------------------------------- */

  const middle = (node) => {
    const box = node.getBoundingClientRect();
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  };

  /* The nearest of some nodes; across the arrow counts more than along it. */
  const nearest = (node, nodes, dx, dy) => {
    const here = middle(node);
    let best = null;
    let least = Infinity;
    for (const other of nodes) {
      const there = middle(other);
      const along = (there.x - here.x) * dx + (there.y - here.y) * dy;
      const beside = Math.abs((there.x - here.x) * dy) + Math.abs((there.y - here.y) * dx);
      const far = Math.abs(along) + 3 * beside;
      if (other !== node && far < least) [best, least] = [other, far];
    }
    return best;
  };

  const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };

  const step = (node, key) => {
    const nodes = shown();
    const [dx, dy] = ARROWS[key];
    const flows = nodes === places[0] ? dx : dy;
    if (flows) {
      const joined = (flows > 0 ? after : before).get(number(node));
      return nearest(node, nodes.filter((one) => joined.has(number(one))), dx, dy);
    }
    const here = middle(node);
    const ahead = nodes.filter((one) => {
      const there = middle(one);
      return (there.x - here.x) * dx + (there.y - here.y) * dy > 4;
    });
    return nearest(node, ahead, dx, dy);
  };

  map.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape") {
      event.preventDefault();
      leave();
      return;
    }
    const node = event.target.closest && event.target.closest("a.node");
    if (!node) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      came = node;
      choose(anchor(node));
    } else if (event.key === "Home" || event.key === "End" || ARROWS[event.key]) {
      event.preventDefault();
      const nodes = shown();
      const next = event.key === "Home" ? nodes[0]
        : event.key === "End" ? nodes[nodes.length - 1] : step(node, event.key);
      if (next) {
        tabbed(number(next));
        next.focus();
      }
    }
  });

  map.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (!link) {
      if (event.target.closest(".drawing") && chosen !== null) leave();
      return;
    }
    if (link.matches(".node")) came = link;
    if (list.contains(link)) came = null;
    if (choose(link.getAttribute("href").slice(1))) event.preventDefault();
  });

  for (const drawing of drawings) {
    drawing.addEventListener("focusin", (event) => {
      const node = event.target.closest("a.node");
      if (node) mark(number(node));
    });
    drawing.addEventListener("focusout", () => mark(chosen));
    drawing.addEventListener("pointerover", (event) => {
      const node = event.pointerType !== "touch" && event.target.closest("a.node");
      mark(node ? number(node) : chosen);
    });
    drawing.addEventListener("pointerleave", () => mark(chosen));
  }

  /* --- the list is folded on a screen, and whole on paper -------------------------------- */

  const folds = [list, ...list.querySelectorAll("details")];
  let folded = [];
  const fold = () => {
    for (const one of folds) one.open = false;
  };
  addEventListener("beforeprint", () => {
    folded = folds.filter((one) => !one.open);
    for (const one of folds) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of folded) one.open = false;
  });
  /* The browser opens and shows what an address names; the map shows it better. */
  const recall = () => {
    if (!choose(location.hash.slice(1))) return;
    fold();
    uncover(drawn(chosen));
  };
  addEventListener("hashchange", recall);
  addEventListener("load", () => setTimeout(recall, 0));

  fold();
  drawings[0].removeAttribute("tabindex");
  map.querySelector(".map-help").hidden = false;
  if (places[0].length) tabbed(number(places[0][0]));
})();
