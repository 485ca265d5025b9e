// Shows openapi.json. A script of its own, since the page allows none inside of it.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#reference",
  // Swagger UI would ask a site of its makers whether the document is valid.
  validatorUrl: null,
  // The key is forgotten with the page.
  persistAuthorization: false,
  queryConfigEnabled: false,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
});
