import { Address, type Family, InvalidAddress, WIDTH } from '../../core/ip/address.ts';
import { Prefix } from '../../core/ip/prefix.ts';
import { isRecord, readId } from './answer.ts';

/** A subnet, by `GET /subnets/{id}/`. Lists of subnets show the gateways of others. */
export interface SubnetRow {
  readonly id: string;
  readonly isFolder: boolean;
  /** A flag that a person sets; nothing sets it when the subnet is full. */
  readonly isFull: boolean;
  /** Undefined for a folder, and when it is no prefix. */
  readonly subnet: Prefix | undefined;
  /** The address that is marked as gateway. */
  readonly gateway: Address | undefined;
}

/** An address that is recorded in phpIPAM. */
export interface AddressRow {
  readonly id: string;
  readonly address: Address;
  readonly hostname: string;
  readonly owner: string;
  readonly description: string;
  readonly note: string;
  readonly isGateway: boolean;
}

/** By the order in which they were made. */
export function oldestFirst(rows: readonly AddressRow[]): AddressRow[] {
  return rows.toSorted((a, b) => Number(BigInt(a.id) - BigInt(b.id)));
}

/** What arrived is not what was asked for; the message says what it is. */
export class Malformed extends Error {
  override readonly name = 'Malformed';
}

/** @throws Malformed */
export function readSubnet(value: unknown): SubnetRow {
  if (!isRecord(value)) throw new Malformed('no subnet');
  const id = readId(value['id']);
  if (id === undefined) throw new Malformed('a subnet without an id');
  const isFolder = readFlag(value['isFolder']);
  const subnet = isFolder ? undefined : readPrefix(value['subnet'], value['mask']);
  const gateway = isRecord(value['gateway']) ? value['gateway']['ip_addr'] : undefined;
  return {
    id,
    isFolder,
    isFull: readFlag(value['isFull']),
    subnet,
    gateway: gateway === undefined || subnet === undefined ? undefined : readAddress(gateway, subnet.family),
  };
}

/** @throws Malformed: also for one bad row, since it may be an address that somebody uses. */
export function readAddresses(value: unknown, family: Family): readonly AddressRow[] {
  if (!Array.isArray(value)) throw new Malformed('no list of addresses');
  return value.map((each) => readAddressRow(each, family));
}

/** @throws Malformed */
export function readAddressRow(value: unknown, family: Family): AddressRow {
  if (!isRecord(value)) throw new Malformed('no address');
  const id = readId(value['id']);
  if (id === undefined) throw new Malformed('an address without an id');
  return {
    id,
    address: readAddress(value['ip'], family),
    hostname: readText(value['hostname']),
    owner: readText(value['owner']),
    description: readText(value['description']),
    note: readText(value['note']),
    isGateway: readFlag(value['is_gateway']),
  };
}

/** Dotted, or as the decimal number that phpIPAM keeps: 1.8.2 answers some questions so. */
function readAddress(value: unknown, family: Family): Address {
  if (typeof value !== 'string') throw new Malformed('an address that is no text');
  const address = parsed(() => (/^\d{1,39}$/.test(value) ? numbered(family, BigInt(value)) : Address.parse(value)));
  if (address) return address;
  throw new Malformed('an address that is none');
}

function numbered(family: Family, value: bigint): Address | undefined {
  return value < 1n << BigInt(WIDTH[family]) ? new Address(family, value) : undefined;
}

function readPrefix(subnet: unknown, mask: unknown): Prefix | undefined {
  if (typeof subnet !== 'string' || !/^\d{1,3}$/.test(String(mask))) throw new Malformed('a subnet without an address and a mask');
  return parsed(() => Prefix.parse(`${subnet}/${mask}`));
}

function parsed<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof InvalidAddress) return undefined;
    throw error;
  }
}

/** A number or a text, by the version and settings of phpIPAM. */
function readFlag(value: unknown): boolean {
  return value === 1 || value === '1' || value === true;
}

function readText(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
