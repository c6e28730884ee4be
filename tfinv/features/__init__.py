"""Features of pictures: what an inner layer of some trained network makes of them."""
