/**
 * CloudFormation's resources against the specification that AWS publishes: as much of it as is asked here.
 *
 * @module
 */
interface SpecType {
  readonly type: string;
  readonly types?: readonly SpecType[];
  readonly element?: SpecType;
  readonly reference?: { readonly $ref: string };
}
export type SpecProperties = Record<string, { readonly type: SpecType; readonly required?: boolean }>;
export interface SpecDatabase {
  lookup(entity: string, field: string, how: string, value: string): { only(): { properties: SpecProperties } };
  get(entity: string, id: string): { properties: SpecProperties };
}
export interface CfnResource {
  readonly Type: string;
  readonly Properties: Record<string, unknown>;
}

/** What AWS's specification of a resource's properties has against these. */
export function faultsOf(db: SpecDatabase, spec: SpecProperties, given: Record<string, unknown>, at: string): string[] {
  const missing = Object.entries(spec)
    .filter(([name, { required }]) => required === true && !(name in given))
    .map(([name]) => `${at}.${name} is missing`);
  return [
    ...missing,
    ...Object.entries(given).flatMap(([name, value]) => {
      const known = spec[name];
      return known === undefined ? [`${at}.${name} is unknown`] : valueFaults(db, known.type, value, `${at}.${name}`);
    }),
  ];
}

function valueFaults(
  db: SpecDatabase,
  { type, types, element, reference }: SpecType,
  value: unknown,
  at: string,
): string[] {
  if (type === 'union') {
    const each = (types ?? []).map(one => valueFaults(db, one, value, at));
    return each.find(faults => faults.length === 0) ?? each[0] ?? [];
  }
  if (type === 'array' && element !== undefined && Array.isArray(value))
    return value.flatMap(item => valueFaults(db, element, item, at));
  if (type === 'ref' && reference !== undefined && typeof value === 'object' && value !== null)
    return faultsOf(db, db.get('typeDefinition', reference.$ref).properties, value as Record<string, unknown>, at);
  const fits =
    (type === 'string' && typeof value === 'string') ||
    (type === 'integer' && Number.isInteger(value)) ||
    (type === 'json' && typeof value === 'object');
  return fits ? [] : [`${at} is no ${type}`];
}
