/** Who somebody is that did not log in, as Kafka writes it. */
export const anonymous = "User:ANONYMOUS";
