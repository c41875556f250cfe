/** A Debian package: exact version, and the SHA-256 of its file. */
export interface DebianPin {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
}

/** Debian 12 (bookworm), amd64. */
export const POSTGRES: readonly DebianPin[] = [
  deb('postgresql-15', '15.20-0+deb12u1', '8566850f295c2cb5034ff5dd5b40caf97eea81b75a841c8d1f691c05ab8815db'),
  deb('libpq5', '15.20-0+deb12u1', 'ac8a72cc33453f75ac605b4f6b8f9febae303b9d9a61255a042a87a7f69ac5c7'),
  deb('libicu72', '72.1-3+deb12u1', 'f7f6f99c6d7b025914df2447fc93e11d22c44c0c8bdd8b6f36691c9e7ddcef88'),
  deb(
    'libxml2',
    '2.9.14+dfsg-1.3~deb12u6',
    '4460e39dda10a815881374217cde08474747cfa018358cd8612c14b390eff53b',
  ),
  deb('libldap-2.5-0', '2.5.13+dfsg-5', '4b6c30f6554149c594628d945edc6003f0eea8d0cc1341638c0e71375db147ed'),
  deb(
    'libsasl2-2',
    '2.1.28+dfsg-10+deb12u1',
    'd6f20408e2be92ebd9f5e3b1c1935b075efb3f03abb5f48f7b991a0ad3e2d6a5',
  ),
  deb(
    'libgssapi-krb5-2',
    '1.20.1-2+deb12u5',
    'd8b87aea91b956b416c01a28c44ff6228315ae3b73de40acddac3dc5043607d2',
  ),
  deb('libkrb5-3', '1.20.1-2+deb12u5', 'c90801be09701af221b54dd502a59cb378b7284ff31e480738baca317d2f7653'),
  deb('libk5crypto3', '1.20.1-2+deb12u5', '7b6e47d15c5c9cdcd456137533d8308aeba608a54cec73b28bd59bfc4b54cf06'),
  deb(
    'libkrb5support0',
    '1.20.1-2+deb12u5',
    '8b9c05f2d8d461a10d657b118f572af5bf8fd6c8f93dcef81e852c5ab0f428ab',
  ),
  deb('libkeyutils1', '1.6.3-2', 'cfac89e6a7a54ff3c6a4f843310e25efeddaa771baeae470bd98bd588c373563'),
];

export const REDIS: readonly DebianPin[] = [
  deb(
    'redis-server',
    '5:7.0.15-1~deb12u10',
    '784e17b51024ff878fd7d709a68346658fa9b21f6de740cb75e474f28790971c',
  ),
  // The program itself: the package above has a link to it.
  deb(
    'redis-tools',
    '5:7.0.15-1~deb12u10',
    'f791cfcbf3054832bd6e786546acb0d4e046888f8e63bcf567c1c65fbfaf69e2',
  ),
  deb('libjemalloc2', '5.3.0-1', 'a4117c23c5c8acf6c9678a6cb086f000b79476369da7efe8a78a70826956ad3d'),
  deb('liblzf1', '3.6-3', '9854b0866201b63e04f1e446f45f01ef4a6f72c61f2250b75f944f6046cc7e8c'),
  deb('libatomic1', '12.2.0-14+deb12u1', 'fbd4e154a6b444229ea002cc209df099209c0adc09102e5fd21239a3d2b55e2d'),
];

export const MARIADB: readonly DebianPin[] = [
  deb(
    'mariadb-server-core',
    '1:10.11.19-0+deb12u1',
    'bda81cb1c5b538e19eed27462fa8df577684b9cdc4fe40cee8d1da9cbc0fe76b',
  ),
  deb('libaio1', '0.3.113-4', 'd1476e4beab3d85f8a7d31de94c27472711ed3ef399ce70708e24b259426125b'),
  deb('liburing2', '2.3-3', 'c23077e3640e6cb4b819c134b3f41d5cf21b3edac099654b1b4142c3069a39a3'),
  deb('libnuma1', '2.0.16-1', '639e1ab6bd66ead40db8a22c332d7199679fa22db261cac34444eb8eb4c17dda'),
];

/** Go modules, whose content the Go checksum database vouches for. */
export const NATS = {
  module: 'github.com/nats-io/nats-server/v2',
  version: 'v2.15.2',
  command: '.',
} as const;
export const FERRETDB = {
  module: 'github.com/FerretDB/FerretDB',
  version: 'v1.24.2',
  command: './cmd/ferretdb',
} as const;

/** From Maven Central. */
export const KAFKA = { version: '3.9.1', scala: '2.13', slf4j: '1.7.36', plugin: '3.6.1' } as const;

function deb(name: string, version: string, sha256: string): DebianPin {
  return { name, version, sha256 };
}
