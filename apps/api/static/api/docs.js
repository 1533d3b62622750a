// Apart from the page, so that a policy without inline scripts lets it run.
SwaggerUIBundle({
  url: document.getElementById("document").dataset.address,
  dom_id: "#document",
  deepLinking: true,
  displayOperationId: true,
  docExpansion: "none",
  filter: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
