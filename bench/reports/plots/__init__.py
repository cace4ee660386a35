"""The plots of the HTML report, each a function from findings to SVG whose colours are the page's."""
