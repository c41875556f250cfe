import { type DerReader, malformed, TAG } from './der-reader.ts';

const [ZERO, NINE, Z] = [0x30, 0x39, 0x5a];

/**
 * Reads a Time of RFC 5280 4.1.2.5 as milliseconds since the Unix epoch: UTCTime through 2049, GeneralizedTime
 * after, both with seconds and `Z`. Every field has to be a real one: what is no date must not become another.
 */
export function readTime(reader: DerReader, what: string): number {
  const at = reader.position;
  const utc = reader.peek() === TAG.UTC_TIME;
  const text = reader.content(utc ? TAG.UTC_TIME : TAG.GENERALIZED_TIME, what);
  const digits = utc ? 12 : 14;
  // rule: time.form
  if (text.length !== digits + 1 || text[digits] !== Z || !text.subarray(0, digits).every(isDigit))
    throw malformed(`${what}: want ${digits} digits and Z`, at);
  const year = utc ? fullYear(field(text, 12)) : field(text, 14) * 100 + field(text, 12);
  const month = field(text, 10);
  const day = field(text, 8);
  const hour = field(text, 6);
  const minute = field(text, 4);
  const second = field(text, 2);
  // rule: time.generalized-only-after-2049
  if (!utc && year < 2050) throw malformed(`${what}: GeneralizedTime for a year before 2050`, at);
  // rule: time.month
  if (month < 1 || month > 12) throw malformed(`${what}: month ${month}`, at);
  // rule: time.day
  if (day < 1 || day > daysIn(month, year)) throw malformed(`${what}: day ${day} of month ${month}`, at);
  // rule: time.hour
  if (hour > 23) throw malformed(`${what}: hour ${hour}`, at);
  // rule: time.minute
  if (minute > 59) throw malformed(`${what}: minute ${minute}`, at);
  // rule: time.second
  if (second > 59) throw malformed(`${what}: second ${second}`, at);
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

/** Two digits, the first of them so far from the Z at the end. */
function field(text: Buffer, fromEnd: number): number {
  const start = text.length - 1 - fromEnd;
  return ((text[start] ?? 0) - ZERO) * 10 + (text[start + 1] ?? 0) - ZERO;
}

function isDigit(octet: number): boolean {
  return octet >= ZERO && octet <= NINE;
}

/** RFC 5280 4.1.2.5.1: two digits mean 1950 to 2049. */
function fullYear(year: number): number {
  return year >= 50 ? 1900 + year : 2000 + year;
}

function daysIn(month: number, year: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return leap ? 29 : 28;
}
