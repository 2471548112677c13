"""What watches the product: rules and dashboards, made from data and committed in deploy/."""
