const services = /^\/(xylem\.v1|grpc\.health\.v1|grpc\.reflection\.v1(alpha)?)\.[A-Za-z]+\//;

/** Whether a request's path is that of a call, in gRPC, gRPC-Web or Connect. */
export function isRpcPath(url: string): boolean {
  return services.test(url);
}
