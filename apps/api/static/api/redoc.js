// Apart from the page, so that a policy without inline scripts lets it run.
const place = document.getElementById("document");
const plain = "system-ui, sans-serif";
Redoc.init(
  place.dataset.address,
  { nativeScrollbars: true, theme: { typography: { fontFamily: plain, headings: { fontFamily: plain } } } },
  place,
);
