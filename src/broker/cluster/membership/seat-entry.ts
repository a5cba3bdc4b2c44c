// A seat is read and written in one way, with all its fields, whoever does it.
export {
  formatSeat,
  parseSeat,
  seatKey,
  seatsPrefix,
} from "../../../replication/placement/seat.ts";
