import {
  type DescFile,
  type DescService,
  createRegistry,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import type {
  ServerReflectionRequest,
  ServerReflectionResponseSchema,
} from "../generated/grpc/reflection/v1/reflection_pb.ts";

type Response = MessageInitShape<typeof ServerReflectionResponseSchema>;
type Answer = NonNullable<Response["messageResponse"]>;

/**
 * Server reflection, by which grpcurl and buf learn what can be called. v1alpha has the same
 * messages under another name.
 */
export function reflection(services: readonly DescService[]) {
  const files = new Map<string, DescFile>();
  for (const { file } of services) addFile(files, file);
  const registry = createRegistry(...files.values());
  const fileOf = (symbol: string): DescFile | undefined => {
    const found = registry.get(symbol) ?? registry.get(symbol.slice(0, symbol.lastIndexOf(".")));
    return found?.file;
  };
  const answer = ({ messageRequest: ask }: ServerReflectionRequest): Answer => {
    switch (ask.case) {
      case "listServices":
        return listed(services);
      case "fileByFilename":
        return described(files.get(ask.value));
      case "fileContainingSymbol":
        return described(fileOf(ask.value));
      case "allExtensionNumbersOfType": {
        const value = { baseTypeName: ask.value, extensionNumber: [] };
        return { case: "allExtensionNumbersResponse", value };
      }
      case "fileContainingExtension":
      case undefined:
        return notFound();
    }
  };
  return {
    async *serverReflectionInfo(
      requests: AsyncIterable<ServerReflectionRequest>,
    ): AsyncGenerator<Response> {
      for await (const request of requests) {
        const { host, messageRequest } = request;
        const originalRequest = { host, messageRequest };
        yield { validHost: host, originalRequest, messageResponse: answer(request) };
      }
    },
  };
}

function addFile(files: Map<string, DescFile>, file: DescFile): void {
  if (files.has(file.proto.name)) return;
  files.set(file.proto.name, file);
  for (const dependency of file.dependencies) addFile(files, dependency);
}

function listed(services: readonly DescService[]): Answer {
  return {
    case: "listServicesResponse",
    value: { service: services.map(({ typeName }) => ({ name: typeName })) },
  };
}

/** A file with all that it imports: a client need not ask for each. */
function described(file: DescFile | undefined): Answer {
  if (file === undefined) return notFound();
  const all = new Map<string, DescFile>();
  addFile(all, file);
  const fileDescriptorProto = [...all.values()].map(({ proto }) =>
    toBinary(FileDescriptorProtoSchema, proto),
  );
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
}

function notFound(): Answer {
  const value = { errorCode: Code.NotFound, errorMessage: "not found" };
  return { case: "errorResponse", value };
}
