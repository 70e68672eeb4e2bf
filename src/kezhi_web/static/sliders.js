// A slider and the field beside it say the same number.
(() => {
  "use strict";
  document.addEventListener("input", (event) => {
    const slides = event.target.dataset.slides;
    if (slides) document.getElementById(slides).value = event.target.value;
    else for (const slider of document.querySelectorAll(`input[data-slides="${event.target.id}"]`)) slider.value = event.target.value;
  });
})();
