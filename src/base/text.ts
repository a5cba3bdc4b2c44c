/** The two globals that every host has (WHATWG Encoding); pure layers see no other host types. */
declare const TextEncoder: new () => {
  encode(text: string): Uint8Array;
};
declare const TextDecoder: new (
  label: "utf-8",
  options: { ignoreBOM: boolean },
) => { decode(bytes: Uint8Array): string };

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Up to this many bytes, decoding by hand beats the call into the host. */
const handDecodedBytesMax = 64;

export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Bytes that are no UTF-8 read as U+FFFD, as in Kafka; validation is the field's business. */
export function decodeUtf8(bytes: Uint8Array): string {
  return bytes.length <= handDecodedBytesMax && isAscii(bytes)
    ? String.fromCharCode.apply(null, bytes as unknown as number[])
    : decoder.decode(bytes);
}

function isAscii(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) {
    if ((bytes[at] as number) > 0x7f) return false;
  }
  return true;
}
