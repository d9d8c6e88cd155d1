// SPDX-License-Identifier: Apache-2.0
/*
 * theme_early.js - puts the chosen theme on <html> before the first paint, so that nothing flashes.
 *
 * The only script that is not a module: a module would run after the first paint.
 */
(function () {
    let theme = null;
    try {
        theme = localStorage.getItem("tallywheel.theme");
    } catch {
        /* Storage may be blocked; then the system's choice stands. */
    }
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
})();
