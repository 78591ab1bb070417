import { permissions as apiPermissions, roles as apiRoles } from '@imagemill/api';
import { expect, test } from 'vitest';
import { permissions, roles } from './rights.ts';

test('roles and permissions are those of the API', () => {
  expect(roles).toEqual(apiRoles);
  expect(permissions).toEqual(apiPermissions);
});
