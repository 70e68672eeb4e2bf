// What is wrong with a page as it stands, for people who do not use a mouse, do not see well, or read another language.
// Called as check({language, width}); answers [{kind, where, told}]. The file is one expression: a function.
(asked) => {
  "use strict";
  const found = [];
  const tell = (kind, element, told) => found.push({ kind, where: path(element), told: String(told).slice(0, 160) });
  const path = (element) => {
    const steps = [];
    for (let one = element; one && one !== document.documentElement && steps.length < 4; one = one.parentElement) {
      const id = one.id ? `#${one.id}` : "";
      const classes = [...one.classList].slice(0, 2).map((name) => `.${name}`).join("");
      steps.unshift(one.localName + id + classes);
    }
    return steps.join(" > ");
  };
  const all = (selector) => [...document.querySelectorAll(selector)];
  const clean = (text) => (text || "").replace(/\s+/g, " ").trim();
  const visible = (element) => element.checkVisibility({ checkVisibilityCSS: true, checkOpacity: true });
  const byIds = (ids) => clean((ids || "").split(/\s+/).map((id) => document.getElementById(id)?.textContent || "").join(" "));
  const named = (element) =>
    clean(element.getAttribute("aria-label")) || byIds(element.getAttribute("aria-labelledby")) || clean(element.title);

  // --- the page does not go beyond the window
  const beyond = document.documentElement.scrollWidth - asked.width;
  if (beyond > 0) {
    const clipped = (element) => {
      for (let one = element.parentElement; one && one !== document.body; one = one.parentElement)
        if (getComputedStyle(one).overflowX !== "visible") return true;
      return false;
    };
    const culprit = all("body *").filter(visible)
      .filter((one) => one.getBoundingClientRect().right > asked.width + 1 && !clipped(one)).pop();
    tell("overflow", culprit || document.body, `${beyond} pixels: ${clean(culprit?.textContent).slice(0, 80)}`);
  }

  // --- everything that is filled in, looked at or followed has a name
  for (const one of all("input:not([type=hidden], [type=submit], [type=button]), select, textarea")) {
    const label = clean([...(one.labels || [])].map((each) => each.textContent).join(" "));
    if (visible(one) && !label && !named(one)) tell("label", one, one.name || one.type);
  }
  for (const one of all("img, svg, [role=img], .figure, canvas")) {
    if (one.closest("[aria-hidden=true], #js-plotly-tester") || one.parentElement.closest("[role=img]")) continue;
    const name = one.localName === "img" && one.hasAttribute("alt") ? "alt" : named(one) || clean(one.querySelector?.("title")?.textContent);
    if (!name) tell("name", one, "a picture without a name");
  }
  for (const one of all("a[href], button, summary")) {
    const text = clean(one.textContent) || named(one) || clean([...one.querySelectorAll("img")].map((each) => each.alt).join(" "));
    if (visible(one) && !text) tell("text", one, one.outerHTML);
  }

  // --- structure
  const headings = all("h1, h2, h3, h4, h5, h6").filter(visible);
  const ones = headings.filter((one) => one.localName === "h1");
  if (ones.length !== 1) tell("heading", ones[1] || document.body, `${ones.length} h1`);
  if (headings.length && headings[0].localName !== "h1") tell("heading", headings[0], `begins with ${headings[0].localName}`);
  headings.forEach((one, place) => {
    const before = place ? Number(headings[place - 1].localName[1]) : 0;
    if (place && Number(one.localName[1]) > before + 1) tell("heading", one, `${one.localName} after h${before}: ${clean(one.textContent)}`);
  });
  const ids = new Map();
  for (const one of all("[id]")) ids.has(one.id) ? tell("id", one, one.id) : ids.set(one.id, one);
  for (const one of all("table")) {
    const heads = [...one.querySelectorAll("th")];
    if (!heads.length) tell("table", one, "no th");
    for (const head of heads) if (!head.scope) tell("table", head, `th without scope: ${clean(head.textContent)}`);
  }
  for (const name of ["aria-labelledby", "aria-describedby", "aria-controls"])
    for (const one of all(`[${name}]`))
      for (const id of one.getAttribute(name).split(/\s+/)) if (!ids.has(id)) tell("id", one, `${name}: no ${id}`);
  for (const one of all("[tabindex]")) if (one.tabIndex > 0) tell("focus", one, `tabindex ${one.tabIndex}`);

  // --- contrast of every visible text with what lies behind it
  const colour = (text) => {
    const numbers = (text.match(/-?[\d.]+(e-?\d+)?%?/g) || []).map((one) => (one.endsWith("%") ? parseFloat(one) / 100 : parseFloat(one)));
    if (text.startsWith("color(")) {
      const [red, green, blue, alpha = 1] = numbers;
      return [red * 255, green * 255, blue * 255, alpha];
    }
    const [red = 0, green = 0, blue = 0, alpha = 1] = numbers;
    return [red, green, blue, alpha];
  };
  const over = (top, below) => [0, 1, 2].map((part) => top[part] * top[3] + below[part] * (1 - top[3])).concat(1);
  const kept = new Map(); // what lies behind an element, and how faded it is, with all that it stands in
  const ground = (element) => {
    if (!element) return { behind: [255, 255, 255, 1], faded: 1 };
    if (kept.has(element)) return kept.get(element);
    const { behind, faded } = ground(element.parentElement);
    const style = getComputedStyle(element);
    const own = { behind: over(colour(style.backgroundColor), behind), faded: faded * Number(style.opacity) };
    kept.set(element, own);
    return own;
  };
  const behind = (element) => ground(element).behind;
  const faded = (element) => ground(element).faded;
  const light = (colours) => {
    const [red, green, blue] = colours.slice(0, 3).map((one) => one / 255)
      .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const compare = (element, said, below, style, words) => {
    const top = colour(said);
    const above = light(over([...top.slice(0, 3), top[3] * faded(element)], below));
    const [high, low] = [above, light(below)].sort((one, other) => other - one);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < (large ? 3 : 4.5) - 0.005) tell("contrast", element, `${ratio.toFixed(2)}: ${words}`);
  };
  const seen = new Set();
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode;
    const element = text.parentElement;
    const words = clean(text.data);
    if (!words || element.closest("script, style, noscript, datalist, template")) continue;
    if (!element.closest("option") && !visible(element)) continue;
    texts.push([element, words]);
    if (seen.has(element) || element.closest("option, :disabled, .skip:not(:focus)")) continue;
    seen.add(element);
    const style = getComputedStyle(element);
    const drawn = element instanceof SVGElement;
    compare(element, drawn ? style.fill : style.color, behind(drawn ? element.closest("svg").parentElement : element), style, words);
  }
  for (const one of all("input, textarea").filter(visible)) {
    const style = getComputedStyle(one, one.placeholder && !one.value ? "::placeholder" : null);
    const words = one.placeholder && !one.value ? one.placeholder : one.value;
    if (words && !one.disabled && !["checkbox", "radio", "range", "hidden", "file"].includes(one.type))
      compare(one, style.color, behind(one), style, words);
  }

  // --- no text in the other language, apart from what the company itself has written
  const theirs = "code, kbd, .id, td, tbody th, option, [data-theirs], .chip, a[href*='/customers/'], svg text";
  const other = asked.language === "zh" ? /[A-Za-z][\w'’-]*(?:[\s,;:]+[A-Za-z][\w'’-]*){3,}/ : /[\u3400-\u9fff]/;
  for (const [element, words] of texts) {
    const spoken = element.closest("[lang]")?.lang || "";
    if (spoken.slice(0, 2) !== asked.language || element.closest(theirs)) continue;
    if (other.test(words)) tell("language", element, words);
  }
  for (const name of ["title", "aria-label", "placeholder", "alt"])
    for (const one of all(`[${name}]`)) {
      if (one.closest(theirs) || one.closest("[lang]").lang.slice(0, 2) !== asked.language) continue;
      if (name !== "placeholder" && other.test(one.getAttribute(name))) tell("language", one, `${name}: ${one.getAttribute(name)}`);
    }
  if (document.documentElement.lang.slice(0, 2) !== asked.language) tell("language", document.documentElement, `lang ${document.documentElement.lang}`);
  if (!clean(document.title)) tell("name", document.documentElement, "no title");
  return found;
}
