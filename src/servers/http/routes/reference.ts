import { answersJson, type HttpScope, type Route, route } from "../route.ts";
import type { OpenApi } from "../reference/openapi.ts";

const tag = "Reference";

const openapi = route({
  method: "GET",
  path: "/openapi.json",
  tag,
  summary: "This reference for programs: OpenAPI 3.1.",
  isPublic: true,
  answers: { 200: answersJson("The description.", { type: "object" }) },
  handle: async (scope) => ({ status: 200, json: await describe(scope) }),
});

const page = route({
  method: "GET",
  path: "/docs/api",
  tag,
  summary: "This reference for people.",
  isPublic: true,
  answers: { 200: { description: "A page.", content: { "text/html": { type: "string" } } } },
  handle: async (scope) => {
    const { referencePage, referencePolicy } = await import("../reference/reference-page.ts");
    const headers = {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": referencePolicy,
    };
    return { status: 200, headers, content: referencePage(await describe(scope)) };
  },
});

/** Made when somebody asks: few do, and it takes a while. */
async function describe({ routes }: HttpScope): Promise<OpenApi> {
  const { describeRoutes } = await import("../reference/openapi.ts");
  return describeRoutes(routes);
}

export const referenceRoutes: readonly Route[] = [openapi, page];
