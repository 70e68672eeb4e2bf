// Draws the figures of a page from the data that stands in it; plotly is fetched once, when a page first needs it.
(() => {
  "use strict";
  const source = document.currentScript.dataset.plotly;
  let library = null;

  const load = () => {
    library ??= new Promise((ready, failed) => {
      const script = document.createElement("script");
      script.src = source;
      script.onload = ready;
      script.onerror = failed;
      document.head.append(script);
    });
    return library;
  };

  // on a phone: fewer labels along the time axis, so that none covers another, and smaller words
  const narrow = (layout) => {
    for (const [name, axis] of Object.entries(layout)) {
      if (name.startsWith("xaxis") && axis.nticks) axis.nticks = Math.ceil(axis.nticks / 2);
    }
    layout.font = { ...layout.font, size: Math.min(layout.font?.size ?? 12, 11) };
  };

  const draw = async (root) => {
    const found = [...root.querySelectorAll("script.plot")].filter((one) => !one.dataset.drawn);
    if (!found.length) return;
    await load();
    for (const one of found) {
      one.dataset.drawn = "yes";
      const place = document.getElementById(one.dataset.place);
      if (!place) continue;
      const { data, layout } = JSON.parse(one.textContent);
      // the first label of the time axis stands below the 0 of the other axis, not upon it
      for (const [name, axis] of Object.entries(layout)) if (name.startsWith("xaxis")) axis.ticklabelstandoff ??= 6;
      if (place.clientWidth && place.clientWidth < 480) narrow(layout);
      await Plotly.newPlot(place, data, layout, { displayModeBar: false, responsive: true, displaylogo: false });
      place.dispatchEvent(new CustomEvent("drawn", { bubbles: true }));
    }
  };

  document.addEventListener("DOMContentLoaded", () => draw(document));
  document.addEventListener("htmx:load", (event) => draw(event.detail.elt));
  // a figure within a closed fold has no width until it is opened
  document.addEventListener("toggle", (event) => {
    if (!event.target.open || !window.Plotly) return;
    for (const place of event.target.querySelectorAll(".js-plotly-plot")) Plotly.Plots.resize(place);
  }, true);
})();
