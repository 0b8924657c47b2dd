/** The program's version, as in CHANGELOG.md. @pure */
export const VERSION = "0.2.0";
